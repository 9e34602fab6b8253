// /api/v1: what programs ask.
#include "doc/value.hpp"
#include "server/json_answer.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

using doc::Value;

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

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/queue", Access::read, queue},
    {"GET", "/api/v1/deliveries", Access::read, deliveries},
};

}  // namespace

std::span<const Route> api_routes() {
  return kRoutes;
}

}  // namespace aphex::server
