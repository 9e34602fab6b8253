#include <fmt/format.h>

#include "engine/commit_config.hpp"
#include "engine/steps/steps.hpp"
#include "engine/working_copy.hpp"

namespace aphex::engine::steps {
namespace {

StepOutcome done(std::string summary) {
  return {StepOutcome::Kind::done, std::move(summary)};
}

}  // namespace

// The plan of the commit becomes the pipeline's. The old one stays until the new one is stored, in
// one step; a run goes on under the plan it began with, or hands over.
Result<StepOutcome> update_pipeline(StepContext& context) {
  if (context.options.source == Source::worktree) {
    return StepOutcome{StepOutcome::Kind::skipped, "a working tree does not change the pipeline"};
  }
  APHEX_CHECK(ensure_working_copy(context));
  APHEX_TRY(const CommitConfig loaded, load_commit_config(context));
  if (!loaded.result.config) return fail(configuration_error(loaded.source, loaded.result));
  APHEX_TRY(const plan::Plan wanted,
            context.services.plans.plan_of(*loaded.result.config, context.plan.pipeline));
  if (wanted.pipeline != context.plan.pipeline) {
    return fail(ErrorCode::invalid_config,
                fmt::format("the commit names the pipeline {}, this run is of {}", wanted.pipeline,
                            context.plan.pipeline),
                "start a new run: it begins the pipeline of the new name");
  }
  Result<PlanStore::Change> change =
      context.services.plans.update({wanted, *loaded.result.config, context});
  if (!change) {
    return fail_because("the new plan could not be stored; the old one stays",
                        std::move(change.error()));
  }
  const std::string short_digest = plan::digest(wanted).substr(0, 12);
  if (*change == PlanStore::Change::superseded) {
    return done("kept: a newer commit has changed the pipeline");
  }
  if (plan::digest(wanted) == context.plan_digest) {
    return done(*change == PlanStore::Change::unchanged ? "unchanged" : "stored " + short_digest);
  }
  context.log.note(fmt::format("the plan changed from {} to {}", context.plan_digest.substr(0, 12),
                               short_digest));
  if (wanted.on_change == config::OnChange::proceed) {
    context.log.note("pipeline.onChange is continue: this run goes on under the old plan");
    return done("changed to " + short_digest + ", for the next run");
  }
  return StepOutcome{StepOutcome::Kind::hand_over, "changed to " + short_digest};
}

}  // namespace aphex::engine::steps
