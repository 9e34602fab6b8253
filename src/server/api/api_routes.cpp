// /api/v1: what programs ask of pipelines, the queue and deliveries. run_api.cpp has the runs.
#include <algorithm>

#include "aws/uri.hpp"
#include "server/api/openapi.hpp"
#include "server/api/queue_value.hpp"
#include "server/api/values.hpp"
#include "server/http/json_answer.hpp"
#include "server/http/page_of.hpp"
#include "server/operate/disk_room.hpp"
#include "server/queue/actions.hpp"
#include "server/route.hpp"

namespace aphex::server {

using doc::Value;

Value entry_value(const QueueEntry& entry) {
  const auto number_or_null = [](const std::optional<std::int64_t>& number) {
    return number ? Value(*number) : Value();
  };
  return Value::object({{"number", entry.number},
                        {"kind", to_string(entry.kind)},
                        {"pipeline", entry.pipeline},
                        {"branch", entry.branch},
                        {"branchId", entry.branch_id},
                        {"pullRequest", number_or_null(entry.pull_request)},
                        {"commitSha", entry.known_commit()},
                        {"author", entry.author},
                        {"message", entry.message},
                        {"state", to_string(entry.state)},
                        {"request", entry.request},
                        {"askedBy", entry.asked_by},
                        {"run", number_or_null(entry.run)},
                        {"createdAt", time_value(entry.created_at)},
                        {"startedAt", time_value(entry.started_at)},
                        {"endedAt", time_value(entry.ended_at)},
                        {"exitCode", number_or_null(entry.exit_code)},
                        {"note", entry.note}});
}

namespace {

Value pipeline_value(const ServedPipeline& pipeline) {
  return Value::object({{"name", pipeline.name},
                        {"repository", pipeline.repository},
                        {"branch", pipeline.branch},
                        {"configPath", pipeline.config_path},
                        {"supersede", pipeline.supersede == Supersede::queued ? "queued" : "never"},
                        {"sandbox", pipeline.sandbox}});
}

HttpResponse list_pipelines(const Exchange& exchange) {
  Value list = Value::array();
  for (const ServedPipeline& pipeline : exchange.site.config.pipelines)
    list.push_back(pipeline_value(pipeline));
  return json_answer(200, Value::object({{"pipelines", std::move(list)}}));
}

HttpResponse show_pipeline(const Exchange& exchange) {
  const ServedPipeline* pipeline = exchange.site.config.find(exchange.parts.front());
  if (pipeline == nullptr) return problem(404, "there is no pipeline " + exchange.parts.front());
  return json_answer(200, pipeline_value(*pipeline));
}

HttpResponse list_queue(const Exchange& exchange) {
  const auto page = page_of(exchange.request);
  if (!page) return problem_of(page.error());
  auto entries = exchange.site.deliveries.entries(page->limit + 1, page->before);
  if (!entries) return problem_of(entries.error());
  const bool more = cut(*entries, page->limit);
  Value list = Value::array();
  for (const QueueEntry& entry : *entries)
    list.push_back(entry_value(entry));
  const auto paused =
      paused_for_disk(exchange.site.paths.root, exchange.site.config.minimum_free_bytes);
  HttpResponse response = json_answer(
      200,
      Value::object({{"queue", std::move(list)}, {"paused", paused ? Value(*paused) : Value()}}));
  if (more) link_next(response, exchange.request, entries->back().number);
  return response;
}

HttpResponse show_entry(const Exchange& exchange) {
  const auto number = positive_number(exchange.parts.front());
  if (!number) return problem(404, "there is no entry " + exchange.parts.front());
  const auto entry = exchange.site.deliveries.entry(*number);
  if (!entry) return problem_of(entry.error());
  return json_answer(200, entry_value(*entry));
}

HttpResponse list_deliveries(const Exchange& exchange) {
  const auto page = page_of(exchange.request);
  if (!page) return problem_of(page.error());
  auto records = exchange.site.deliveries.deliveries(page->limit + 1, page->before);
  if (!records) return problem_of(records.error());
  const bool more = cut(*records, page->limit);
  Value list = Value::array();
  for (const DeliveryRecord& record : *records) {
    list.push_back(Value::object({{"number", record.number},
                                  {"id", record.id},
                                  {"receivedAt", time_value(record.received_at)},
                                  {"client", record.client},
                                  {"event", record.event},
                                  {"repository", record.repository},
                                  {"branch", record.branch},
                                  {"commitSha", record.commit},
                                  {"verdict", record.verdict},
                                  {"reason", record.reason}}));
  }
  HttpResponse response = json_answer(200, Value::object({{"deliveries", std::move(list)}}));
  if (more) link_next(response, exchange.request, records->back().number);
  return response;
}

HttpResponse show_document(const Exchange&) {
  HttpResponse response;
  response.content_type = "application/json";
  response.body = openapi_document();
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  return response;
}

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/openapi.json", Access::read, show_document},
    {"GET", "/api/v1/pipelines", Access::read, list_pipelines},
    {"GET", "/api/v1/pipelines/{}", Access::read, show_pipeline},
    {"GET", "/api/v1/queue", Access::read, list_queue},
    {"GET", "/api/v1/queue/{}", Access::read, show_entry},
    {"GET", "/api/v1/deliveries", Access::read, list_deliveries},
};

}  // namespace

std::span<const Route> api_routes() {
  return kRoutes;
}

}  // namespace aphex::server
