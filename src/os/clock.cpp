#include "os/clock.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include <poll.h>

namespace aphex::os {

namespace {

// A token whose descriptor could not be made is looked at this often.
constexpr std::chrono::milliseconds kBlindInterval{100};
// Longest single poll; waits go on after it. Keeps the count within poll's int.
constexpr std::chrono::milliseconds kLongestPoll{3'600'000};

class SystemClock final : public Clock {
 public:
  WallTime now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }

  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }

  Wake sleep(std::chrono::milliseconds duration, const CancelToken& cancel) override {
    const auto start = steady();
    const auto longest = cancel.descriptor() >= 0 ? kLongestPoll : kBlindInterval;
    while (true) {
      if (cancel.cancelled()) return Wake::cancelled;
      // Elapsed against duration, not a deadline: start + duration may overflow for "for ever".
      const auto left = duration - std::chrono::floor<std::chrono::milliseconds>(steady() - start);
      if (left <= std::chrono::milliseconds::zero()) return Wake::elapsed;
      pollfd event{.fd = cancel.descriptor(), .events = POLLIN, .revents = 0};
      ::poll(&event, 1, static_cast<int>(std::min(left, longest).count()));
    }
  }
};

}  // namespace

std::unique_ptr<Clock> make_system_clock() {
  return std::make_unique<SystemClock>();
}

std::string format_time(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 64> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
      static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

}  // namespace aphex::os
