// The branch is gone: what its pipeline has deployed goes with it.
#include <fmt/format.h>

#include "cli/queued_work.hpp"
#include "engine/run_scope.hpp"
#include "engine/teardown.hpp"
#include "os/signals.hpp"

namespace aphex::cli {
namespace {

// Of whom the sandbox, where it is used, needs the accounts.
plan::Plan plan_of(const std::vector<store::BranchStack>& stacks) {
  plan::Plan plan;
  for (const store::BranchStack& stack : stacks) {
    plan.bootstrap_qualifier = stack.qualifier;
    plan.environments.push_back({stack.environment, stack.region, stack.account, {}});
  }
  return plan;
}

// Where the branch's last run kept its artifacts.
Result<std::string> artifact_store_of(store::RunDatabase& database, const std::string& pipeline) {
  store::RunFilter filter;
  filter.pipeline = pipeline;
  filter.limit = 1;
  APHEX_TRY(const std::vector<store::RunRecord> runs, database.runs(filter));
  if (runs.empty()) return std::string();
  APHEX_TRY(const engine::RunOptions options, engine::run_options_from(runs.front().options));
  return options.artifact_store;
}

}  // namespace

Result<ExitCode> perform_teardown(QueuedWork& work) {
  store::RunDatabase& database = work.session.database();
  const std::string pipeline = server::branch_pipeline(work.pipeline.name, work.entry.branch_id);
  APHEX_TRY(const std::vector<store::BranchStack> stacks, database.branch_stacks(pipeline));
  const plan::Plan plan = plan_of(stacks);
  const bool sandbox =
      work.pipeline.branches ? work.pipeline.branches->sandbox : work.pipeline.sandbox;
  ExecutionOptions options;
  if (sandbox && !stacks.empty()) options.aws = engine::AwsTarget::sandbox;
  APHEX_TRY(options.artifact_store, artifact_store_of(database, pipeline));
  options.plan = &plan;
  os::CancelSource source;
  const os::SignalGuard signals(source);
  APHEX_TRY(const std::unique_ptr<engine::ServiceSet> services,
            open_services(work.session, work.terminal, options, source.token()));
  const engine::TeardownParts parts{
      database, services->services(), source.token(),
      [&](std::string_view line) { work.terminal.progress(std::string(line) + "\n"); }};
  APHEX_TRY(const engine::TeardownReport report,
            engine::tear_down(parts, pipeline, work.entry.branch_id));
  work.note = fmt::format("{} stack{} deleted, {} artifact{} removed", report.stacks,
                          report.stacks == 1 ? "" : "s", report.artifacts,
                          report.artifacts == 1 ? "" : "s");
  return ExitCode::ok;
}

}  // namespace aphex::cli
