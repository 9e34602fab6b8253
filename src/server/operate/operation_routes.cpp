// What those ask who operate the server: is it there, and what does it count.
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "os/descriptor.hpp"
#include "server/http/json_answer.hpp"
#include "server/operate/disk_room.hpp"
#include "server/operate/metrics_text.hpp"
#include "server/operate/process_metrics.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

HttpResponse health(const Exchange&) {
  HttpResponse response;
  response.body = "ok\n";
  return response;
}

// A block that is written and gone again. What cannot take it, full or read-only, records no
// delivery either; what can be read says nothing of that.
std::optional<std::string> why_not_writable(const std::filesystem::path& directory) {
  constexpr std::array<char, 4096> kBlock{};
  std::string name = (directory / "ready-XXXXXX").string();
  const os::Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) return std::generic_category().message(errno);
  const ssize_t count = ::write(file.get(), kBlock.data(), kBlock.size());
  const int trouble = count < 0 ? errno : ENOSPC;
  ::unlink(name.c_str());
  if (count == static_cast<ssize_t>(kBlock.size())) return std::nullopt;
  return std::generic_category().message(trouble);
}

HttpResponse readiness(const Exchange& exchange) {
  const auto entries = exchange.site.deliveries.open_entries();
  if (!entries) return problem_of(entries.error());
  // Everybody may ask: where the directory lies is not said.
  if (const auto why = why_not_writable(exchange.site.paths.root / "server")) {
    return problem(503, "the state directory cannot be written to: " + *why,
                   "make room on its disk, or mount it writable; deliveries are refused meanwhile");
  }
  return health(exchange);
}

void counts(MetricsText& out, std::string_view label,
            const std::vector<DeliveryStore::Count>& counts) {
  for (const DeliveryStore::Count& each : counts)
    out.sample({{label, each.what}}, static_cast<double>(each.count));
}

double seconds(store::Millis time) {
  constexpr double kMillis = 1000;
  return static_cast<double>(time) / kMillis;
}

// Of the runs that are kept: retention makes these fewer, so they are no counters.
void runs(MetricsText& out, const std::vector<store::RunDatabase::Total>& totals) {
  const auto each = [&](const auto& value) {
    for (const store::RunDatabase::Total& total : totals)
      value(total, MetricsText::Labels{{"pipeline", total.pipeline}, {"state", total.state}});
  };
  out.family("aphex_runs", MetricType::gauge, "Runs that are kept, by pipeline and state.");
  each([&](const auto& total, const auto& labels) {
    out.sample(labels, static_cast<double>(total.count));
  });
  out.family("aphex_runs_duration_seconds", MetricType::gauge,
             "Time from start to end of the runs that are kept, all of them together.");
  each([&](const auto& total, const auto& labels) { out.sample(labels, seconds(total.lasted)); });
  out.family("aphex_last_run_duration_seconds", MetricType::gauge,
             "Time from start to end of the run that ended last.");
  each([&](const auto& total, const auto& labels) {
    if (total.last_lasted) out.sample(labels, seconds(*total.last_lasted));
  });
  out.family("aphex_last_run_end_timestamp_seconds", MetricType::gauge,
             "When the run that ended last did, since 1970.");
  each([&](const auto& total, const auto& labels) {
    if (total.last_end) out.sample(labels, seconds(*total.last_end));
  });
}

HttpResponse metrics(const Exchange& exchange) {
  Site& site = exchange.site;
  const auto received = site.deliveries.count_deliveries();
  const auto queued = site.deliveries.count_entries();
  if (!received || !queued) return problem_of(received ? queued.error() : received.error());
  const auto totals = site.runs.totals();
  if (!totals) return problem_of(totals.error());
  MetricsText out;
  out.family("aphex_deliveries", MetricType::gauge, "Deliveries that are kept, by verdict.");
  counts(out, "verdict", *received);
  out.family("aphex_queue_entries", MetricType::gauge, "Entries of the queue, by state.");
  counts(out, "state", *queued);
  const auto told = site.notifications.counts();
  if (!told) return problem_of(told.error());
  out.family("aphex_notifications", MetricType::gauge,
             "Messages to people that are kept, by channel and state.");
  for (const notify::NotificationStore::Count& each : *told)
    out.sample({{"channel", each.channel}, {"state", each.state}}, static_cast<double>(each.count));
  runs(out, *totals);
  process_metrics(out);
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  out.family("aphex_paused", MetricType::gauge, "1 where no run is started, by the reason.");
  const bool paused = paused_for_disk(site.paths.root, site.config.minimum_free_bytes).has_value();
  counts(out, "reason", {{"disk", paused ? 1 : 0}});
  response.body = out.take() + site.requests.text();
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
