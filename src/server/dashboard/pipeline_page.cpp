// A pipeline: its trends and its runs.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "server/dashboard/charts.hpp"
#include "server/dashboard/page.hpp"
#include "server/dashboard/query.hpp"
#include "server/dashboard/run_list.hpp"
#include "server/dashboard/trends.hpp"
#include "server/pages.hpp"

namespace aphex::server {
namespace {

constexpr int kPeriods[] = {7, 30, 90};
constexpr int kUsualPeriod = 30;
// Of a period: more than one looks at, and read in a few hundredths of a second.
constexpr int kMostRuns = 20'000;
// Stages beyond it share the last colour.
constexpr std::size_t kColours = 8;

int period_of(const Query& query) {
  const auto wanted = query.number("days");
  for (const int days : kPeriods) {
    if (wanted == days) return days;
  }
  return kUsualPeriod;
}

std::string percent(int part, int whole) {
  return whole == 0 ? "–" : fmt::format("{:.0f} %", 100.0 * part / whole);
}

std::string duration(const std::optional<store::Millis>& time) {
  if (!time) return "–";
  constexpr store::Millis kDay = 86'400'000;
  if (*time >= 2 * kDay) return fmt::format("{:.1f} days", static_cast<double>(*time) / kDay);
  return human_duration(*time);
}

std::string write_count(double value) {
  return fmt::format("{:.0f}", value);
}

// Whole minutes without their seconds: the axis has no others.
std::string write_minutes(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  if (whole > 0 && whole % 3600 == 0) return fmt::format("{}h", whole / 3600);
  if (whole > 0 && whole < 3600 && whole % 60 == 0) return fmt::format("{}m", whole / 60);
  return whole == 0 && value < 0.05 ? "0" : human_duration(static_cast<std::int64_t>(value * 1000));
}

// Steps of an axis of seconds: whole minutes, or whole hours where the values are many.
double unit_of(const Series& series) {
  constexpr double kMinute = 60;
  constexpr double kHour = 3600;
  double largest = 0;
  for (const std::optional<double>& value : series.values)
    largest = std::max(largest, value.value_or(0));
  return largest > 2 * kHour ? kHour : kMinute;
}

std::optional<double> seconds(const std::optional<store::Millis>& time) {
  return time ? std::optional<double>(static_cast<double>(*time) / 1000.0) : std::nullopt;
}

View tile(std::string name, std::string value, std::string detail) {
  View tile;
  tile.set("name", std::move(name));
  tile.set("value", std::move(value));
  tile.set("detail", std::move(detail));
  return tile;
}

View tiles_of(const Trends& trends, int days) {
  View tiles = list();
  const int finished = trends.succeeded + trends.failed;
  tiles.push_back(tile("Success rate", percent(trends.succeeded, finished),
                       fmt::format("{} of {} runs", trends.succeeded, finished)));
  const std::string where = trends.environment.empty() ? "nowhere" : trends.environment;
  const double daily = static_cast<double>(trends.deployments) / days;
  tiles.push_back(tile("Deployment frequency",
                       daily >= 1 || trends.deployments == 0
                           ? fmt::format("{:.1f} a day", daily)
                           : fmt::format("{:.1f} a week", daily * 7),
                       fmt::format("{} to {}", trends.deployments, where)));
  tiles.push_back(
      tile("Lead time for changes", duration(trends.lead_time), "from the push, median"));
  const int deployed = std::max(trends.deployments, trends.failed_deployments);
  tiles.push_back(tile("Change failure rate", percent(trends.failed_deployments, deployed),
                       fmt::format("{} of {} deployments", trends.failed_deployments, deployed)));
  tiles.push_back(
      tile("Time to restore", duration(trends.restore_time),
           fmt::format("{} time{}, median", trends.restored, trends.restored == 1 ? "" : "s")));
  return tiles;
}

// A chart with its legend, and the same numbers as a table, the newest first.
View figure(const std::string& name, const Chart& chart, std::string svg) {
  View figure;
  figure.set("name", name);
  figure.set("svg", std::move(svg));
  View heads = list();
  View legend = list();
  for (const Series& series : chart.series) {
    heads.push_back(View("name", series.name));
    View entry;
    entry.set("name", series.name);
    entry.set("class", series.css_class);
    legend.push_back(entry);
  }
  View rows = list();
  for (std::size_t i = chart.labels.size(); i-- > 0;) {
    View cells = list();
    bool any = false;
    for (const Series& series : chart.series) {
      any = any || series.values[i].value_or(0) > 0;
      cells.push_back(View("value", series.values[i] ? chart.write(*series.values[i]) : "–"));
    }
    if (!any) continue;
    View row;
    row.set("label", chart.labels[i]);
    row.set("cells", cells);
    rows.push_back(row);
  }
  figure.set("legend", legend);
  figure.set("heads", heads);
  figure.set("rows", rows);
  figure.set("any", truth(!rows.is_empty_list()));
  return figure;
}

View figures_of(const Trends& trends) {
  std::vector<std::string> labels;
  Series succeeded{"succeeded", "c-succeeded"};
  Series failed{"failed", "c-failed"};
  Series deployments{"deployments", "c-1"};
  Series lead{"lead time", "c-1"};
  Series restore{"time to restore", "c-1"};
  for (const DayTrend& day : trends.days) {
    labels.push_back(day.date);
    succeeded.values.emplace_back(day.succeeded);
    failed.values.emplace_back(day.failed);
    deployments.values.emplace_back(day.deployments);
    lead.values.push_back(seconds(day.lead_time));
    restore.values.push_back(seconds(day.restore_time));
  }
  View figures = list();
  const Chart runs{"Runs a day, by how they ended", labels, {succeeded, failed}, write_count};
  figures.push_back(figure("Runs a day", runs, stacked_bars(runs)));
  const Chart deployed{"Deployments a day", labels, {deployments}, write_count};
  figures.push_back(figure(trends.environment.empty()
                               ? "Deployments a day"
                               : "Deployments a day to " + trends.environment,
                           deployed, stacked_bars(deployed)));
  const Chart leads{
      "Lead time for changes, each day's median", labels, {lead}, write_minutes, unit_of(lead)};
  figures.push_back(figure("Lead time for changes", leads, lines(leads)));
  const Chart restores{
      "Time to restore, each day's median", labels, {restore}, write_minutes, unit_of(restore)};
  figures.push_back(figure("Time to restore", restores, lines(restores)));
  Chart durations{"Duration by stage, each day's median", labels, {}, write_minutes, 60};
  for (std::size_t i = 0; i < trends.stages.size(); ++i) {
    Series series{trends.stages[i].id, fmt::format("c-{}", std::min(i + 1, kColours))};
    for (const std::optional<store::Millis>& value : trends.stages[i].daily)
      series.values.push_back(seconds(value));
    durations.series.push_back(std::move(series));
  }
  figures.push_back(figure("Duration by stage", durations, lines(durations)));
  return figures;
}

View stages_of(const Trends& trends) {
  View rows = list();
  for (const StageTrend& stage : trends.stages) {
    View row;
    row.set("id", stage.id);
    row.set("count", std::to_string(stage.count));
    row.set("median", human_duration(stage.median));
    row.set("slow", human_duration(stage.slow));
    rows.push_back(row);
  }
  return rows;
}

View periods_of(int chosen) {
  View periods = list();
  for (const int days : kPeriods) {
    View period;
    period.set("days", std::to_string(days));
    period.set("chosen", truth(days == chosen));
    periods.push_back(period);
  }
  return periods;
}

Result<HttpResponse> pipeline(const Exchange& exchange) {
  const std::string name = percent_decode(exchange.parts.front());
  const ServedPipeline* served = exchange.site.config.find(name);
  APHEX_TRY(const std::int64_t count, exchange.site.reports.count(name));
  if (served == nullptr && count == 0)
    return fail(ErrorCode::not_found, fmt::format("there is no pipeline {}", name));
  const int days = period_of(Query(exchange.request.query));
  const Period period{now_millis(), days};
  APHEX_TRY(const auto runs, exchange.site.reports.finished_runs(name, period.since(), kMostRuns));
  APHEX_TRY(const auto stages,
            exchange.site.reports.finished_stages(name, period.since(), kMostRuns));
  const Trends trends = trends_of(runs, stages, period);
  APHEX_TRY(const View list, run_list(exchange, name));
  View values;
  values.set("name", name);
  values.set("address", "/pipelines/" + percent_encode(name));
  values.set("count", fmt::format("{} run{}", count, count == 1 ? "" : "s"));
  if (served != nullptr) {
    View source;
    source.set("repository", served->repository);
    source.set("branch", served->branch);
    source.set("config", served->config_path);
    values.set("source", source);
    if (may(exchange, Access::run)) {
      View start;
      start.set("token", exchange.caller.form_token);
      start.set("branch", served->branch);
      values.set("may_run", start);
    }
  }
  values.set("periods", periods_of(days));
  values.set("days", std::to_string(days));
  values.set("tiles", tiles_of(trends, days));
  values.set("figures", figures_of(trends));
  values.set("stages", stages_of(trends));
  values.set("has_stages", truth(!trends.stages.empty()));
  if (!trends.environment.empty()) values.set("environment", trends.environment);
  values.set("list", *list.get("list"));
  const bool filtered = list.get("filtered")->is_true();
  return page(exchange, {name, "overview", filtered ? "" : "overview"}, pages::kPipeline, values);
}

HttpResponse show_pipeline(const Exchange& exchange) {
  return or_problem(pipeline(exchange));
}

constexpr Route kRoutes[] = {
    {"GET", "/pipelines/{}", Access::read, show_pipeline},
};

}  // namespace

std::span<const Route> pipeline_routes() {
  return kRoutes;
}

}  // namespace aphex::server
