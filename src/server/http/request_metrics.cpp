#include "server/http/request_metrics.hpp"

#include <fmt/format.h>

#include "server/operate/metrics_text.hpp"

namespace aphex::server {

void RequestMetrics::add(const Answered& answered) {
  const double seconds = std::chrono::duration<double>(answered.took).count();
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket])
    ++bucket;
  const std::string route(answered.route.empty() ? "none" : answered.route);
  const std::lock_guard lock(mutex_);
  ++counts_.by_status[{std::string(answered.method), route, answered.status}];
  Times& times = counts_.by_route[route];
  ++times.counts[bucket];
  times.sum_seconds += seconds;
}

std::string RequestMetrics::text() const {
  const Counts counts = [this] {
    const std::lock_guard lock(mutex_);
    return counts_;
  }();
  MetricsText out;
  out.family("aphex_http_requests_total", MetricType::counter,
             "Requests that were answered, by route and status.");
  for (const auto& [key, count] : counts.by_status) {
    const auto& [method, route, status] = key;
    out.sample({{"method", method}, {"route", route}, {"status", std::to_string(status)}},
               static_cast<double>(count));
  }
  out.family("aphex_http_request_duration_seconds", MetricType::histogram,
             "Time from a request to the beginning of its answer.");
  for (const auto& [route, times] : counts.by_route) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i <= kBounds.size(); ++i) {
      below += times.counts.at(i);
      out.sample({{"route", route},
                  {"le", i < kBounds.size() ? fmt::format("{}", kBounds.at(i)) : "+Inf"}},
                 static_cast<double>(below), "_bucket");
    }
    out.sample({{"route", route}}, times.sum_seconds, "_sum");
    out.sample({{"route", route}}, static_cast<double>(below), "_count");
  }
  return out.take();
}

}  // namespace aphex::server
