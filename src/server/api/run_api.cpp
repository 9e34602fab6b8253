// /api/v1/runs: runs with their stages, steps, outputs, artifacts, plan and logs.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/artifacts.hpp"
#include "engine/run_engine.hpp"
#include "engine/run_json.hpp"
#include "engine/run_queue.hpp"
#include "server/api/values.hpp"
#include "server/http/file_answer.hpp"
#include "server/http/json_answer.hpp"
#include "server/http/page_of.hpp"
#include "server/route.hpp"
#include "store/artifact_store.hpp"

namespace aphex::server {
namespace {

using doc::Value;

template <typename Record>
Value list_of(const std::vector<Record>& records) {
  Value list = Value::array();
  for (const Record& record : records)
    list.push_back(engine::to_value(record));
  return list;
}

Result<store::RunFilter> filter_of(const HttpRequest& request) {
  store::RunFilter filter;
  filter.pipeline = query_value(request, "pipeline");
  filter.branch = query_value(request, "branch");
  filter.commit_prefix = query_value(request, "commit");
  if (const auto state = query_value(request, "state")) {
    filter.state = store::run_state_from(*state);
    if (!filter.state) {
      return fail(ErrorCode::usage, fmt::format("'{}' is no state of a run", *state),
                  "queued, running, succeeded, failed, cancelled, interrupted and handed-over are");
    }
  }
  APHEX_TRY(const PageRequest page, page_of(request));
  filter.before = page.before;
  filter.limit = page.limit;
  return filter;
}

HttpResponse list_runs(const Exchange& exchange) {
  auto filter = filter_of(exchange.request);
  if (!filter) return problem_of(filter.error());
  const int limit = filter->limit;
  ++filter->limit;
  auto runs = exchange.site.runs.runs(*filter);
  if (!runs) return problem_of(runs.error());
  const bool more = cut(*runs, limit);
  HttpResponse response = json_answer(200, Value::object({{"runs", list_of(*runs)}}));
  if (more) link_next(response, exchange.request, runs->back().id);
  return response;
}

// The run that the path names.
Result<store::RunRecord> run_of(const Exchange& exchange) {
  const auto id = positive_number(exchange.parts.front());
  if (!id) {
    return fail(ErrorCode::not_found, fmt::format("there is no run {}", exchange.parts.front()));
  }
  APHEX_CHECK(engine::mark_interrupted(exchange.site.runs, exchange.site.paths));
  return exchange.site.runs.run(*id);
}

Value outputs_value(const std::vector<store::OutputRecord>& outputs) {
  Value list = Value::array();
  for (const store::OutputRecord& output : outputs) {
    list.push_back(Value::object({{"environment", output.environment},
                                  {"stack", output.stack},
                                  {"key", output.key},
                                  {"value", output.value}}));
  }
  return list;
}

Result<Value> whole_run(Site& site, const store::RunRecord& run) {
  APHEX_TRY(const std::vector<store::StageRecord> stages, site.runs.stages(run.id));
  APHEX_TRY(const std::vector<store::StepRecord> steps, site.runs.steps(run.id));
  APHEX_TRY(const std::vector<store::OutputRecord> outputs, site.runs.outputs(run.id));
  Value value = engine::to_value(run);
  value.set("stages", list_of(stages));
  value.set("steps", list_of(steps));
  value.set("outputs", outputs_value(outputs));
  return value;
}

HttpResponse show_run(const Exchange& exchange) {
  const auto run = run_of(exchange);
  if (!run) return problem_of(run.error());
  const auto value = whole_run(exchange.site, *run);
  return value ? json_answer(200, *value) : problem_of(value.error());
}

HttpResponse show_outputs(const Exchange& exchange) {
  const auto run = run_of(exchange);
  if (!run) return problem_of(run.error());
  const auto outputs = exchange.site.runs.outputs(run->id);
  if (!outputs) return problem_of(outputs.error());
  return json_answer(200, Value::object({{"outputs", outputs_value(*outputs)}}));
}

HttpResponse show_plan(const Exchange& exchange) {
  const auto run = run_of(exchange);
  if (!run) return problem_of(run.error());
  const auto plan = doc::parse_json(run->plan);
  return plan ? json_answer(200, *plan) : problem_of(plan.error());
}

// Those of a store on this machine. One in S3 is its readers' to list, with their own credentials.
Result<Value> artifacts_of(Site& site, const store::RunRecord& run) {
  APHEX_TRY(const engine::RunOptions options, engine::run_options_from(run.options));
  const std::string location =
      options.artifact_store.empty() ? site.paths.artifacts().string() : options.artifact_store;
  const std::string prefix =
      engine::artifact_prefix(options.source, run.commit_sha, std::to_string(run.id)) + "/";
  Value value = Value::object({{"store", location}, {"prefix", prefix}, {"artifacts", Value()}});
  if (location.starts_with("s3://")) return value;
  APHEX_TRY(const std::unique_ptr<store::ArtifactStore> artifacts,
            store::open_artifact_store(location, {}));
  APHEX_TRY(const std::vector<store::BlobInfo> blobs, artifacts->list(prefix));
  Value list = Value::array();
  for (const store::BlobInfo& blob : blobs) {
    list.push_back(Value::object({{"key", blob.key.substr(prefix.size())},
                                  {"sizeBytes", static_cast<std::int64_t>(blob.size_bytes)},
                                  {"sha256", blob.sha256.empty() ? Value() : Value(blob.sha256)}}));
  }
  value.set("artifacts", std::move(list));
  return value;
}

HttpResponse show_artifacts(const Exchange& exchange) {
  const auto run = run_of(exchange);
  if (!run) return problem_of(run.error());
  const auto value = artifacts_of(exchange.site, *run);
  return value ? json_answer(200, *value) : problem_of(value.error());
}

// "logs/<stage>.<attempt>/<step>.log" as the run's steps name it: no other file is read.
Result<store::StepRecord> step_of_log(const Exchange& exchange, const store::RunRecord& run) {
  const std::string log = fmt::format("logs/{}/{}", exchange.parts[1], exchange.parts[2]);
  APHEX_TRY(const std::vector<store::StepRecord> steps, exchange.site.runs.steps(run.id));
  for (const store::StepRecord& step : steps) {
    if (step.log == log) return step;
  }
  return fail(ErrorCode::not_found, fmt::format("run {} has no log {}", run.id, log),
              "its steps name theirs in 'log'");
}

// All that is behind an offset, as who follows a log asks for it. At its end there is nothing yet.
Result<HttpResponse> log_from(const HttpRequest& request, const std::string& offset,
                              const std::filesystem::path& path) {
  std::uint64_t begin = 0;
  const auto [behind, wrong] = std::from_chars(offset.data(), offset.data() + offset.size(), begin);
  if (wrong != std::errc() || behind != offset.data() + offset.size())
    return fail(ErrorCode::usage, fmt::format("offset is a number of bytes, not '{}'", offset));
  HttpRequest ranged;
  ranged.headers = {{"Range", fmt::format("bytes={}-", begin)}};
  APHEX_TRY(HttpResponse response, file_answer(begin > 0 ? ranged : request, {.path = path}));
  std::erase_if(response.headers, [](const auto& each) { return each.first == "Content-Range"; });
  response.status = 200;
  response.headers.emplace_back("Aphex-Log-Offset",
                                std::to_string(begin + response.source_bytes.value_or(0)));
  return response;
}

HttpResponse show_log(const Exchange& exchange) {
  const auto run = run_of(exchange);
  if (!run) return problem_of(run.error());
  const auto step = step_of_log(exchange, *run);
  if (!step) return problem_of(step.error());
  const std::filesystem::path path = exchange.site.paths.run(run->id) / step->log;
  const auto offset = query_value(exchange.request, "offset");
  auto response = offset ? log_from(exchange.request, *offset, path)
                         : file_answer(exchange.request, {.path = path});
  if (!response) return problem_of(response.error());
  response->content_type = "text/plain; charset=utf-8";
  // The step's end was read before the file: of a complete log all of it is there.
  const bool grows = !step->ended_at && !store::is_finished(run->state);
  response->headers.emplace_back("Aphex-Log-State", grows ? "growing" : "complete");
  return std::move(*response);
}

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/runs", Access::read, list_runs},
    {"GET", "/api/v1/runs/{}", Access::read, show_run},
    {"GET", "/api/v1/runs/{}/outputs", Access::read, show_outputs},
    {"GET", "/api/v1/runs/{}/plan", Access::read, show_plan},
    {"GET", "/api/v1/runs/{}/artifacts", Access::read, show_artifacts},
    {"GET", "/api/v1/runs/{}/logs/{}/{}", Access::read, show_log},
};

}  // namespace

std::span<const Route> run_api_routes() {
  return kRoutes;
}

}  // namespace aphex::server
