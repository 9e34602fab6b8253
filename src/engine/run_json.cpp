#include "engine/run_json.hpp"

#include "engine/run_engine.hpp"
#include "store/run_text.hpp"

namespace aphex::engine {
namespace {

using doc::Value;
using store::time_text;

Value optional_time(const std::optional<store::Millis>& time) {
  return time ? Value(time_text(*time)) : Value();
}

Value optional_text(const std::optional<std::string>& text) {
  return text ? Value(*text) : Value();
}

Value optional_number(const std::optional<std::int64_t>& number) {
  return number ? Value(*number) : Value();
}

}  // namespace

bool is_of_worktree(const store::RunRecord& run) {
  const Result<RunOptions> options = run_options_from(run.options);
  return options && options->source == Source::worktree;
}

Value to_value(const store::RunRecord& run) {
  Value value = Value::object({{"id", run.id},
                               {"pipeline", run.pipeline},
                               {"state", store::to_string(run.state)},
                               {"commitSha", run.commit_sha},
                               {"source", is_of_worktree(run) ? "worktree" : "commit"},
                               {"repositoryUrl", run.repository_url},
                               {"branch", run.branch},
                               {"author", run.author},
                               {"message", run.message},
                               {"planDigest", run.plan_digest},
                               {"restartedFrom", optional_number(run.restarted_from)},
                               {"restartedAs", optional_number(run.restarted_as)},
                               {"createdAt", time_text(run.created_at)},
                               {"startedAt", optional_time(run.started_at)},
                               {"endedAt", optional_time(run.ended_at)},
                               {"exitCode", optional_number(run.exit_code)}});
  if (run.failure) {
    value.set("error", Value::object({{"code", run.failure->code},
                                      {"message", run.failure->message},
                                      {"hint", run.failure->hint}}));
  }
  return value;
}

Value to_value(const store::StageRecord& stage) {
  return Value::object({{"id", stage.id},
                        {"kind", stage.kind},
                        {"attempt", stage.attempt},
                        {"state", store::to_string(stage.state)},
                        {"startedAt", optional_time(stage.started_at)},
                        {"endedAt", optional_time(stage.ended_at)},
                        {"error", optional_text(stage.error)}});
}

Value to_value(const store::StepRecord& step) {
  return Value::object({{"stage", step.stage_id},
                        {"attempt", step.attempt},
                        {"id", step.id},
                        {"kind", step.kind},
                        {"title", step.title},
                        {"state", store::to_string(step.state)},
                        {"tries", step.tries},
                        {"startedAt", time_text(step.started_at)},
                        {"endedAt", optional_time(step.ended_at)},
                        {"exitCode", optional_number(step.exit_code)},
                        {"summary", optional_text(step.summary)},
                        {"error", optional_text(step.error)},
                        {"log", step.log}});
}

}  // namespace aphex::engine
