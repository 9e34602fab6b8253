// /api/v1: what programs ask.
#include <charconv>

#include "base/text.hpp"
#include "doc/value.hpp"
#include "server/disk_room.hpp"
#include "server/json_answer.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

using doc::Value;

constexpr int kListed = 100;
constexpr int kMostListed = 1000;

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
                        {"kind", to_string(entry.kind)},
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

HttpResponse queue(const Exchange& exchange) {
  const auto entries = exchange.site.deliveries.entries(limit_of(exchange.request));
  if (!entries) return problem(503, describe(entries.error()));
  Value list = Value::array();
  for (const QueueEntry& entry : *entries)
    list.push_back(entry_value(entry));
  const auto paused =
      paused_for_disk(exchange.site.paths.root, exchange.site.config.minimum_free_bytes);
  return json_answer(200, Value::object({{"queue", std::move(list)},
                                         {"paused", paused ? Value(*paused) : Value()}}));
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

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/queue", Access::read, queue},
    {"GET", "/api/v1/deliveries", Access::read, deliveries},
};

}  // namespace

std::span<const Route> api_routes() {
  return kRoutes;
}

}  // namespace aphex::server
