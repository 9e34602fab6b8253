#pragma once
// How many requests were answered, how, and how fast. Thread-safe.

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

namespace aphex::server {

class RequestMetrics {
 public:
  // Upper bounds of the times that are told apart, in seconds; one more is without a bound.
  static constexpr std::array<double, 8> kBounds{0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60};

  struct Answered {
    std::string_view method;
    std::string_view route;  // its pattern; empty: there is nothing at that address
    unsigned status = 0;
    std::chrono::nanoseconds took{0};
  };
  void add(const Answered& answered);

  // In Prometheus' text format: aphex_http_requests_total, aphex_http_request_duration_seconds.
  std::string text() const;

 private:
  struct Times {
    std::array<std::uint64_t, kBounds.size() + 1> counts{};
    double sum_seconds = 0;
  };
  struct Counts {
    std::map<std::tuple<std::string, std::string, unsigned>, std::uint64_t> by_status;
    std::map<std::string, Times> by_route;
  };
  mutable std::mutex mutex_;  // guards counts_
  Counts counts_;
};

}  // namespace aphex::server
