// What those ask who operate the server: is it there, and what does it count.
#include <fmt/format.h>

#include "server/json_answer.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

HttpResponse health(const Exchange&) {
  HttpResponse response;
  response.body = "ok\n";
  return response;
}

HttpResponse readiness(const Exchange& exchange) {
  const auto entries = exchange.site.deliveries.open_entries();
  if (!entries) return problem(503, describe(entries.error()));
  return health(exchange);
}

// prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
void family(std::string& text, std::string_view name, std::string_view label,
            const std::vector<DeliveryStore::Count>& counts) {
  text += fmt::format("# TYPE {} gauge\n", name);
  for (const DeliveryStore::Count& each : counts)
    text += fmt::format("{}{{{}=\"{}\"}} {}\n", name, label, each.what, each.count);
}

HttpResponse metrics(const Exchange& exchange) {
  const auto received = exchange.site.deliveries.count_deliveries();
  const auto queued = exchange.site.deliveries.count_entries();
  if (!received || !queued)
    return problem(503, describe(received ? queued.error() : received.error()));
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  family(response.body, "aphex_deliveries", "verdict", *received);
  family(response.body, "aphex_queue_entries", "state", *queued);
  const auto told = exchange.site.notifications.counts();
  if (!told) return problem(503, describe(told.error()));
  response.body += "# TYPE aphex_notifications gauge\n";
  for (const notify::NotificationStore::Count& each : *told) {
    response.body += fmt::format("aphex_notifications{{channel=\"{}\",state=\"{}\"}} {}\n",
                                 each.channel, each.state, each.count);
  }
  return response;
}

constexpr Route kRoutes[] = {
    {"GET", "/healthz", Access::open, health},
    {"GET", "/readyz", Access::open, readiness},
    {"GET", "/metrics", Access::read, metrics},
};

}  // namespace

std::span<const Route> operation_routes() {
  return kRoutes;
}

}  // namespace aphex::server
