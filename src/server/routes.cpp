#include "server/routes.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"
#include "server/json_answer.hpp"
#include "server/webhook_endpoint.hpp"

namespace aphex::server {
namespace {

using doc::Value;

constexpr std::size_t kSmallBody = 64U << 10U;
constexpr int kListed = 100;
constexpr int kMostListed = 1000;

struct Exchange {
  Site& site;
  const HttpRequest& request;
};

// "limit=20" of the query; the bound where it is larger.
int limit_of(const HttpRequest& request) {
  for (const std::string& part : split(request.query, '&')) {
    if (!part.starts_with("limit=")) continue;
    int limit = 0;
    const char* begin = part.data() + sizeof("limit=") - 1;
    const char* end = part.data() + part.size();
    if (std::from_chars(begin, end, limit).ptr == end && limit > 0)
      return std::min(limit, kMostListed);
  }
  return kListed;
}

Value time_or_null(const std::optional<store::Millis>& time) {
  if (!time) return {};
  return os::format_time(os::WallTime(std::chrono::milliseconds(*time)));
}

Value entry_value(const QueueEntry& entry) {
  return Value::object({{"number", entry.number},
                        {"pipeline", entry.pipeline},
                        {"branch", entry.branch},
                        {"commitSha", entry.commit},
                        {"author", entry.author},
                        {"message", entry.message},
                        {"state", to_string(entry.state)},
                        {"request", entry.request},
                        {"createdAt", time_or_null(entry.created_at)},
                        {"startedAt", time_or_null(entry.started_at)},
                        {"endedAt", time_or_null(entry.ended_at)},
                        {"exitCode", entry.exit_code ? Value(*entry.exit_code) : Value()},
                        {"note", entry.note}});
}

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

HttpResponse queue(const Exchange& exchange) {
  const auto entries = exchange.site.deliveries.entries(limit_of(exchange.request));
  if (!entries) return problem(503, describe(entries.error()));
  Value list = Value::array();
  for (const QueueEntry& entry : *entries)
    list.push_back(entry_value(entry));
  return json_answer(200, Value::object({{"queue", std::move(list)}}));
}

HttpResponse deliveries(const Exchange& exchange) {
  const auto records = exchange.site.deliveries.deliveries(limit_of(exchange.request));
  if (!records) return problem(503, describe(records.error()));
  Value list = Value::array();
  for (const DeliveryRecord& record : *records) {
    list.push_back(Value::object({{"number", record.number},
                                  {"id", record.id},
                                  {"receivedAt", time_or_null(record.received_at)},
                                  {"client", record.client},
                                  {"event", record.event},
                                  {"repository", record.repository},
                                  {"branch", record.branch},
                                  {"commitSha", record.commit},
                                  {"verdict", record.verdict},
                                  {"reason", record.reason}}));
  }
  return json_answer(200, Value::object({{"deliveries", std::move(list)}}));
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
  return response;
}

HttpResponse webhook(const Exchange& exchange) {
  return answer_webhook(exchange.site.config, exchange.site.deliveries, exchange.request);
}

HttpResponse overview(const Exchange& exchange) {
  return overview_page(exchange.site);
}

HttpResponse deliveries_seen(const Exchange& exchange) {
  return deliveries_page(exchange.site);
}

constexpr std::string_view kRuns = "/runs/";

HttpResponse run(const Exchange& exchange) {
  return run_page(exchange.site, std::string_view(exchange.request.path).substr(kRuns.size()));
}

// A path that ends with '/' stands for all that is below it.
struct Route {
  std::string_view method;
  std::string_view path;
  HttpResponse (*answer)(const Exchange&);
};

constexpr std::array kRoutes{
    Route{"GET", "/", overview},
    Route{"GET", "/deliveries", deliveries_seen},
    Route{"GET", kRuns, run},
    Route{"POST", kWebhookPath, webhook},
    Route{"GET", "/healthz", health},
    Route{"GET", "/readyz", readiness},
    Route{"GET", "/metrics", metrics},
    Route{"GET", "/api/v1/queue", queue},
    Route{"GET", "/api/v1/deliveries", deliveries},
};

}  // namespace

HttpResponse answer(Site& site, const HttpRequest& request) {
  std::string methods;
  for (const Route& route : kRoutes) {
    const bool is_folder = route.path.size() > 1 && route.path.ends_with('/');
    const bool fits = is_folder ? request.path.starts_with(route.path) : route.path == request.path;
    if (!fits) continue;
    if (route.method == request.method) return route.answer({site, request});
    methods += (methods.empty() ? "" : ", ") + std::string(route.method);
  }
  if (methods.empty()) return problem(404, "there is nothing at " + request.path);
  HttpResponse response =
      problem(405, fmt::format("{} takes {}, not {}", request.path, methods, request.method));
  response.headers.emplace_back("Allow", methods);
  return response;
}

std::size_t max_body_bytes(std::string_view path) {
  return path == kWebhookPath ? kMaxPayloadBytes : kSmallBody;
}

}  // namespace aphex::server
