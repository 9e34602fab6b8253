// The pages that a person looks at. Whole without JavaScript; what changes by itself is loaded
// again every five seconds.
#include <algorithm>
#include <charconv>
#include <kainjow/mustache.hpp>
#include <map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "os/files.hpp"
#include "server/file_answer.hpp"
#include "server/html.hpp"
#include "server/json_answer.hpp"
#include "server/pages.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

namespace mustache = kainjow::mustache;
using mustache::data;

constexpr int kRows = 50;
constexpr int kDeliveryRows = 200;
constexpr std::size_t kShortCommit = 12;
constexpr std::size_t kMessageCharacters = 80;

enum class Reload { never, often };

HttpResponse page(const std::string& title, Reload reload, const char* content,
                  const data& values) {
  data whole;
  whole.set("title", title);
  whole.set("reload", reload == Reload::often ? data::type::bool_true : data::type::bool_false);
  whole.set("content", mustache::mustache(content).render(values));
  return html_answer(200, mustache::mustache(pages::kLayout).render(whole));
}

HttpResponse nothing_there(const std::string& what) {
  return message_page(404, what, "");
}

HttpResponse unavailable(const Error& error) {
  HttpResponse response;
  response.status = 503;
  response.body = describe(error) + "\n";
  return response;
}

std::string time_text(store::Millis time) {
  std::string text = os::format_time(os::WallTime(std::chrono::milliseconds(time)));
  // 2026-01-31T08:15:30.123Z
  text.resize(sizeof("2026-01-31T08:15:30") - 1);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

store::Millis now() {
  return os::make_system_clock()->now().time_since_epoch().count();
}

std::string lasted(const std::optional<store::Millis>& from,
                   const std::optional<store::Millis>& until) {
  return from ? human_duration(until.value_or(now()) - *from) : "";
}

std::string first_line(const std::string& text) {
  return utf8_substr(std::string(trim(std::string_view(text).substr(0, text.find('\n')))), 0,
                     kMessageCharacters);
}

data run_row(const store::RunRecord& run) {
  data row;
  row.set("id", std::to_string(run.id));
  row.set("state", std::string(store::to_string(run.state)));
  row.set("pipeline", run.pipeline);
  row.set("commit", run.commit_sha.substr(0, kShortCommit));
  row.set("branch", run.branch);
  row.set("message", first_line(run.message));
  row.set("started", time_text(run.started_at.value_or(run.created_at)));
  row.set("lasted", lasted(run.started_at, run.ended_at));
  return row;
}

bool is_open(store::RunState state) {
  return state == store::RunState::queued || state == store::RunState::running;
}

// The last run of each entry of the configuration, by the entry's name.
Result<std::map<std::string, store::RunRecord>> last_runs(Site& site) {
  std::map<std::string, store::RunRecord> last;
  APHEX_TRY(const std::vector<QueueEntry> entries, site.deliveries.entries(kDeliveryRows));
  for (const QueueEntry& entry : entries) {
    if (last.contains(entry.pipeline)) continue;
    APHEX_TRY(const std::optional<std::int64_t> id, site.runs.run_of_request(entry.request));
    if (!id) continue;
    APHEX_TRY(store::RunRecord run, site.runs.run(*id));
    last.emplace(entry.pipeline, std::move(run));
  }
  return last;
}

Result<data> pipelines_of(Site& site) {
  APHEX_TRY(const auto last, last_runs(site));
  data list(data::type::list);
  for (const ServedPipeline& pipeline : site.config.pipelines) {
    data row;
    row.set("name", pipeline.name);
    row.set("repository", pipeline.repository);
    row.set("branch", pipeline.branch);
    const auto found = last.find(pipeline.name);
    if (found != last.end()) row.set("last", run_row(found->second));
    list.push_back(row);
  }
  return list;
}

std::string why_it_waits(const QueueEntry& entry, const std::vector<QueueEntry>& open) {
  for (const QueueEntry& other : open) {
    if (other.pipeline == entry.pipeline && other.number < entry.number)
      return fmt::format("{} goes first", other.commit.substr(0, kShortCommit));
  }
  return "as many runs execute as maxRuns allows";
}

data step_row(std::int64_t run, const store::StepRecord& step) {
  data row;
  row.set("run", std::to_string(run));
  row.set("stage",
          step.attempt > 1 ? fmt::format("{} ({})", step.stage_id, step.attempt) : step.stage_id);
  row.set("title", step.title);
  row.set("state", std::string(store::to_string(step.state)));
  row.set("lasted", lasted(step.started_at, step.ended_at));
  row.set("result", step.error ? first_line(*step.error) : step.summary.value_or(""));
  row.set("log", step.log);
  return row;
}

data stages_of(const std::vector<store::StageRecord>& stages) {
  data list(data::type::list);
  for (const store::StageRecord& stage : stages) {
    data row;
    row.set("id", stage.id);
    row.set("state", std::string(store::to_string(stage.state)));
    row.set("lasted", lasted(stage.started_at, stage.ended_at));
    list.push_back(row);
  }
  return list;
}

data outputs_of(const std::vector<store::OutputRecord>& outputs) {
  data list(data::type::list);
  for (const store::OutputRecord& output : outputs) {
    data row;
    row.set("environment", output.environment);
    row.set("stack", output.stack);
    row.set("key", output.key);
    row.set("value", output.value);
    list.push_back(row);
  }
  return list;
}

Result<HttpResponse> one_run(Site& site, const store::RunRecord& run) {
  APHEX_TRY(const std::vector<store::StageRecord> stages, site.runs.stages(run.id));
  APHEX_TRY(const std::vector<store::StepRecord> steps, site.runs.steps(run.id));
  APHEX_TRY(const std::vector<store::OutputRecord> outputs, site.runs.outputs(run.id));
  data values = run_row(run);
  values.set("message", run.message);
  values.set("commit", run.commit_sha);
  values.set("author", run.author);
  values.set("repository", run.repository_url);
  values.set("stages", stages_of(stages));
  if (run.failure) {
    data failure;
    failure.set("text", run.failure->message);
    if (!run.failure->hint.empty()) failure.set("hint", run.failure->hint);
    values.set("failure", failure);
  }
  data rows(data::type::list);
  for (const store::StepRecord& step : steps)
    rows.push_back(step_row(run.id, step));
  values.set("steps", rows);
  values.set("has_outputs", outputs.empty() ? data::type::bool_false : data::type::bool_true);
  values.set("outputs", outputs_of(outputs));
  return page(fmt::format("Run {}", run.id), is_open(run.state) ? Reload::often : Reload::never,
              pages::kRun, values);
}

Result<HttpResponse> one_log(const Exchange& exchange, const store::RunRecord& run,
                             const std::string& path) {
  Site& site = exchange.site;
  APHEX_TRY(const std::vector<store::StepRecord> steps, site.runs.steps(run.id));
  const bool known = std::any_of(steps.begin(), steps.end(),
                                 [&](const store::StepRecord& step) { return step.log == path; });
  if (!known) return nothing_there(fmt::format("run {} has no log {}", run.id, path));
  return file_answer(exchange.request,
                     {site.paths.run(run.id) / path, "text/plain; charset=utf-8"});
}

HttpResponse or_unavailable(Result<HttpResponse> response) {
  return response ? std::move(*response) : unavailable(response.error());
}

Result<HttpResponse> overview(Site& site) {
  APHEX_TRY(const data pipelines, pipelines_of(site));
  APHEX_TRY(const std::vector<QueueEntry> open, site.deliveries.open_entries());
  store::RunFilter newest;
  newest.limit = kRows;
  APHEX_TRY(const std::vector<store::RunRecord> runs, site.runs.runs(newest));
  data waiting(data::type::list);
  for (const QueueEntry& entry : open) {
    if (entry.state != QueueState::waiting) continue;
    data row;
    row.set("since", time_text(entry.created_at));
    row.set("pipeline", entry.pipeline);
    row.set("commit", entry.commit.substr(0, kShortCommit));
    row.set("message", first_line(entry.message));
    row.set("why", why_it_waits(entry, open));
    waiting.push_back(row);
  }
  data rows(data::type::list);
  for (const store::RunRecord& run : runs)
    rows.push_back(run_row(run));
  data values;
  values.set("pipelines", pipelines);
  values.set("has_waiting",
             waiting.is_empty_list() ? data::type::bool_false : data::type::bool_true);
  values.set("waiting", waiting);
  values.set("has_runs", runs.empty() ? data::type::bool_false : data::type::bool_true);
  values.set("runs", rows);
  return page("Runs", Reload::often, pages::kOverview, values);
}

Result<HttpResponse> deliveries(Site& site) {
  APHEX_TRY(const std::vector<DeliveryRecord> records, site.deliveries.deliveries(kDeliveryRows));
  data list(data::type::list);
  for (const DeliveryRecord& record : records) {
    data row;
    row.set("received", time_text(record.received_at));
    row.set("event", record.event);
    row.set("verdict", record.verdict);
    row.set("reason", record.reason);
    row.set("repository", record.repository);
    row.set("branch", record.branch);
    row.set("commit", record.commit.substr(0, kShortCommit));
    row.set("client", record.client);
    list.push_back(row);
  }
  data values;
  values.set("has_deliveries", records.empty() ? data::type::bool_false : data::type::bool_true);
  values.set("deliveries", list);
  return page("Deliveries", Reload::often, pages::kDeliveries, values);
}

HttpResponse show_overview(const Exchange& exchange) {
  return or_unavailable(overview(exchange.site));
}

HttpResponse show_deliveries(const Exchange& exchange) {
  return or_unavailable(deliveries(exchange.site));
}

// The run that a path names; not_found where it is no number.
Result<store::RunRecord> run_of(const Exchange& exchange) {
  const std::string& text = exchange.parts.front();
  std::int64_t id = 0;
  const char* end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || behind != end) return fail(ErrorCode::not_found, "no number");
  return exchange.site.runs.run(id);
}

HttpResponse no_run(const Exchange& exchange) {
  return nothing_there(fmt::format("there is no run {}", exchange.parts.front()));
}

HttpResponse show_run(const Exchange& exchange) {
  const auto run = run_of(exchange);
  return run ? or_unavailable(one_run(exchange.site, *run)) : no_run(exchange);
}

HttpResponse show_log(const Exchange& exchange) {
  const auto run = run_of(exchange);
  return run ? or_unavailable(one_log(exchange, *run, "logs/" + exchange.parts.back()))
             : no_run(exchange);
}

HttpResponse show_nothing(const Exchange& exchange) {
  return nothing_there("there is nothing at " + exchange.request.path);
}

constexpr Route kRoutes[] = {
    {"GET", "/", Access::read, show_overview},
    {"GET", "/deliveries", Access::read, show_deliveries},
    {"GET", "/runs/{}", Access::read, show_run},
    {"GET", "/runs/{}/logs/*", Access::read, show_log},
    {"GET", "/runs/*", Access::read, show_nothing},
    {"GET", "/runs/", Access::read, show_nothing},
};

}  // namespace

std::span<const Route> page_routes() {
  return kRoutes;
}

}  // namespace aphex::server
