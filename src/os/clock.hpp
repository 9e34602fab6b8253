#pragma once
// Time behind an interface, so that waits can be tested without waiting.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "os/cancel.hpp"

namespace aphex::os {

using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;                                  // UTC
  virtual std::chrono::steady_clock::time_point steady() const = 0;  // for durations
  enum class Wake { elapsed, cancelled };
  virtual Wake sleep(std::chrono::milliseconds duration, const CancelToken& cancel) = 0;
};

std::unique_ptr<Clock> make_system_clock();

// 2026-01-31T08:15:30.123Z (RFC 3339, UTC, milliseconds).
std::string format_time(WallTime time);

// For tests: stands still; sleep() moves it on at once. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime start = WallTime{}) : now_ms_(start.time_since_epoch().count()) {}
  WallTime now() const override { return WallTime(std::chrono::milliseconds(now_ms_.load())); }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(now().time_since_epoch());
  }
  Wake sleep(std::chrono::milliseconds duration, const CancelToken& cancel) override {
    if (cancel.cancelled()) return Wake::cancelled;
    now_ms_ += duration.count();
    return Wake::elapsed;
  }

 private:
  std::atomic<WallTime::rep> now_ms_;
};

}  // namespace aphex::os
