// A run: where it stands, why it failed, what it did and gave out.
#include "server/dashboard/run_page.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/run_engine.hpp"
#include "server/dashboard/approval_list.hpp"
#include "server/dashboard/artifact_list.hpp"
#include "server/dashboard/query.hpp"
#include "server/dashboard/waiting.hpp"
#include "server/http/html.hpp"
#include "server/pages.hpp"
#include "store/run_text.hpp"

namespace aphex::server {
namespace {

Result<RunFacts> facts_of(const Exchange& exchange) {
  const std::optional<std::int64_t> id = number_of(exchange.parts.front());
  if (!id)
    return fail(ErrorCode::not_found, fmt::format("there is no run {}", exchange.parts.front()));
  store::RunDatabase& database = exchange.site.runs;
  RunFacts facts;
  APHEX_TRY(facts.run, database.run(*id));
  APHEX_TRY(facts.stages, database.stages(*id));
  APHEX_TRY(facts.steps, database.steps(*id));
  APHEX_TRY(facts.outputs, database.outputs(*id));
  if (const Result<doc::Value> value = doc::parse_json(facts.run.plan)) {
    if (Result<plan::Plan> plan = plan::from_value(*value)) facts.plan = std::move(*plan);
  }
  return facts;
}

// A web address of the repository at GitHub; nothing of any other.
std::string commit_link(const store::RunRecord& run) {
  constexpr std::string_view kHost = "https://github.com/";
  if (!run.repository_url.starts_with(kHost)) return "";
  std::string address = run.repository_url;
  if (address.ends_with(".git")) address.resize(address.size() - 4);
  return address + "/commit/" + run.commit_sha;
}

void set_failure(View& values, const RunFacts& facts) {
  if (!facts.run.failure) return;
  View failure;
  failure.set("text", facts.run.failure->message);
  if (!facts.run.failure->hint.empty()) failure.set("hint", facts.run.failure->hint);
  for (auto step = facts.steps.rbegin(); step != facts.steps.rend(); ++step) {
    if (step->state != store::WorkState::failed) continue;
    View log;
    log.set("title", step->title);
    log.set("stage", step->stage_id);
    log.set("link", fmt::format("/runs/{}/{}", facts.run.id, step->log));
    failure.set("step", log);
    break;
  }
  values.set("failure", failure);
}

Status set_origin(View& values, const Exchange& exchange, const RunFacts& facts) {
  APHEX_TRY(const std::vector<store::RunOrigin> origins,
            exchange.site.reports.origins(facts.run.id));
  View rows = list();
  for (const store::RunOrigin& origin : origins) {
    View row;
    row.set("asked", what_asked(origin.kind, origin.asked_by));
    row.set("when", time_html(origin.asked_at));
    row.set("entry", std::to_string(origin.entry));
    if (origin.of_run && *origin.of_run != facts.run.id)
      row.set("of_run", std::to_string(*origin.of_run));
    if (origin.pull_request) row.set("pull_request", std::to_string(*origin.pull_request));
    rows.push_back(row);
  }
  values.set("origins", rows);
  values.set("has_origins", truth(!origins.empty()));
  if (facts.run.restarted_from)
    values.set("restarted_from", std::to_string(*facts.run.restarted_from));
  if (facts.run.restarted_as) values.set("restarted_as", std::to_string(*facts.run.restarted_as));
  if (facts.run.state == store::RunState::queued)
    values.set("waits", fmt::format("another run of {} executes", facts.run.pipeline));
  return {};
}

View outputs_of(const RunFacts& facts) {
  View rows = list();
  for (const store::OutputRecord& output : facts.outputs) {
    View row;
    row.set("environment", output.environment);
    row.set("stack", output.stack);
    row.set("key", output.key);
    // Only what is an address by itself becomes a link.
    if (output.value.starts_with("https://")) row.set("link", output.value);
    row.set("value", output.value);
    rows.push_back(row);
  }
  return rows;
}

// An artifact store that does not answer is no reason to show no run.
void set_artifacts(View& values, const Exchange& exchange, const RunFacts& facts) {
  Result<engine::ArtifactPlace> place = engine::artifacts_of(
      facts.run, exchange.site.runs, exchange.site.paths, exchange.site.environment);
  if (!place || !place->on_machine) {
    values.set("artifacts_elsewhere", truth(true));
    return;
  }
  const Result<View> artifacts = artifact_list(exchange.site, facts.run, *place);
  if (!artifacts) return;
  values.set("artifacts", render(pages::kArtifactList, *artifacts));
}

void set_actions(View& values, const Exchange& exchange, const RunFacts& facts) {
  if (!may(exchange, Access::run)) return;
  View actions;
  actions.set("token", exchange.caller.form_token);
  actions.set("id", std::to_string(facts.run.id));
  const store::RunState state = facts.run.state;
  const bool over = store::is_finished(state);
  actions.set("cancel", truth(!over));
  actions.set("resume", truth(over && state != store::RunState::succeeded &&
                              state != store::RunState::handed_over));
  actions.set("retry", truth(over));
  values.set("actions", actions);
}

Status set_head(View& values, const Exchange& exchange, const RunFacts& facts) {
  const store::RunRecord& run = facts.run;
  APHEX_TRY(const std::set<std::int64_t> asking, runs_that_ask(exchange));
  const std::string subject = store::first_line(run.message, kSubjectCharacters);
  values.set("id", std::to_string(run.id));
  values.set("subject", subject.empty() ? "(no message)" : subject);
  const std::size_t end = run.message.find('\n');
  if (end != std::string::npos && !trim(std::string_view(run.message).substr(end)).empty())
    values.set("body", std::string(trim(std::string_view(run.message).substr(end))));
  values.set("badge", badge(asking.count(run.id) > 0 ? "asking" : store::to_string(run.state)));
  values.set("commit", run.commit_sha);
  values.set("short_commit", run.commit_sha.substr(0, kShortCommit));
  if (const std::string link = commit_link(run); !link.empty()) values.set("commit_link", link);
  values.set("branch", run.branch);
  values.set("author", run.author);
  values.set("repository", run.repository_url);
  values.set("started", time_html(run.started_at.value_or(run.created_at)));
  values.set("lasted", lasted_html(run.started_at, run.ended_at));
  return {};
}

Result<HttpResponse> one_run(const Exchange& exchange) {
  APHEX_TRY(const RunFacts facts, facts_of(exchange));
  View values;
  APHEX_CHECK(set_head(values, exchange, facts));
  APHEX_TRY(const std::string served, exchange.site.reports.served_as(facts.run.id));
  values.set("pipeline", served);
  values.set("pipeline_link", "/pipelines/" + percent_encode(served));
  set_failure(values, facts);
  APHEX_CHECK(set_origin(values, exchange, facts));
  set_actions(values, exchange, facts);
  values.set("graph", stage_chain(facts));
  APHEX_TRY(std::string approvals, approvals_html(exchange, facts.run.id));
  values.set("approvals", std::move(approvals));
  values.set("stages", stage_sections(facts, {exchange.site.paths.run(facts.run.id)}));
  APHEX_TRY(const View plan, plan_changes(exchange, facts));
  values.set("plan", plan);
  values.set("has_outputs", truth(!facts.outputs.empty()));
  values.set("outputs", outputs_of(facts));
  set_artifacts(values, exchange, facts);
  return page(exchange,
              {fmt::format("Run {} · {}", facts.run.id, served), "overview",
               fmt::format("run/{}", facts.run.id)},
              pages::kRun, values);
}

// The stored plan as it is.
Result<HttpResponse> plan_text(const Exchange& exchange) {
  APHEX_TRY(const RunFacts facts, facts_of(exchange));
  HttpResponse response;
  response.content_type = "application/json";
  APHEX_TRY(const doc::Value value, doc::parse_json(facts.run.plan));
  response.body = doc::to_json(value, 2) + "\n";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

HttpResponse show_run(const Exchange& exchange) {
  return or_problem(one_run(exchange));
}

HttpResponse show_plan(const Exchange& exchange) {
  return or_problem(plan_text(exchange));
}

HttpResponse show_nothing(const Exchange& exchange) {
  return message_page(404, "there is nothing at " + exchange.request.path, "");
}

constexpr Route kRoutes[] = {
    {"GET", "/runs/{}", Access::read, show_run},
    {"GET", "/runs/{}/plan.json", Access::read, show_plan},
    {"GET", "/runs/", Access::read, show_nothing},
};

}  // namespace

std::span<const Route> run_routes() {
  return kRoutes;
}

}  // namespace aphex::server
