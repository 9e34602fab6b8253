// The queue, and what came to the webhook.
#include <fmt/format.h>

#include "server/dashboard/page.hpp"
#include "server/dashboard/query.hpp"
#include "server/dashboard/waiting.hpp"
#include "server/pages.hpp"
#include "store/run_text.hpp"

namespace aphex::server {
namespace {

constexpr int kEntries = 100;
constexpr int kDeliveries = 200;

std::string state_of(const QueueEntry& entry) {
  if (entry.state != QueueState::ended) return std::string(to_string(entry.state));
  switch (entry.exit_code.value_or(0)) {
    case 0:
      return "succeeded";
    case kCancelledExit:
      return "cancelled";
    default:
      return "failed";
  }
}

View entry_row(const QueueEntry& entry) {
  View row;
  row.set("number", std::to_string(entry.number));
  row.set("badge", badge(state_of(entry)));
  row.set("pipeline", entry.pipeline);
  row.set("pipeline_link", "/pipelines/" + percent_encode(entry.pipeline));
  const std::string commit = entry.known_commit();
  if (!commit.empty()) row.set("commit", commit.substr(0, kShortCommit));
  row.set("branch", entry.branch);
  row.set("message", store::first_line(entry.message, kSubjectCharacters));
  if (entry.run) row.set("run", std::to_string(*entry.run));
  row.set("asked", what_asked(std::string(to_string(entry.kind)), entry.asked_by));
  row.set("created", time_html(entry.created_at));
  row.set("lasted", lasted_html(entry.started_at, entry.ended_at));
  row.set("note", store::first_line(entry.note, kSubjectCharacters));
  return row;
}

Result<HttpResponse> queue(const Exchange& exchange) {
  APHEX_TRY(const std::vector<QueueEntry> entries, exchange.site.deliveries.entries(kEntries));
  View rows = list();
  for (const QueueEntry& entry : entries)
    rows.push_back(entry_row(entry));
  View values;
  APHEX_TRY(const View waiting, waiting_rows(exchange));
  values.set("has_waiting", truth(!waiting.is_empty_list()));
  values.set("waiting", waiting);
  values.set("entries", rows);
  values.set("has_entries", truth(!entries.empty()));
  values.set("most", std::to_string(kEntries));
  values.set("max_runs", std::to_string(exchange.site.config.max_runs));
  return page(exchange, {"Queue", "queue", "overview"}, pages::kQueue, values);
}

Result<HttpResponse> deliveries(const Exchange& exchange) {
  APHEX_TRY(const std::vector<DeliveryRecord> records,
            exchange.site.deliveries.deliveries(kDeliveries));
  View rows = list();
  for (const DeliveryRecord& record : records) {
    View row;
    row.set("received", time_html(record.received_at));
    row.set("event", record.event);
    row.set("badge", badge(record.verdict));
    row.set("reason", record.reason);
    row.set("repository", record.repository);
    row.set("branch", record.branch);
    if (!record.commit.empty()) row.set("commit", record.commit.substr(0, kShortCommit));
    row.set("client", record.client);
    if (!record.id.empty()) row.set("id", record.id);
    rows.push_back(row);
  }
  View values;
  values.set("has_deliveries", truth(!records.empty()));
  values.set("deliveries", rows);
  values.set("most", std::to_string(kDeliveries));
  return page(exchange, {"Deliveries", "deliveries", "deliveries"}, pages::kDeliveries, values);
}

HttpResponse show_queue(const Exchange& exchange) {
  return or_problem(queue(exchange));
}

HttpResponse show_deliveries(const Exchange& exchange) {
  return or_problem(deliveries(exchange));
}

constexpr Route kRoutes[] = {
    {"GET", "/queue", Access::read, show_queue},
    {"GET", "/deliveries", Access::read, show_deliveries},
};

}  // namespace

std::span<const Route> activity_routes() {
  return kRoutes;
}

}  // namespace aphex::server
