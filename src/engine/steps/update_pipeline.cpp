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
  const plan::Plan wanted = plan::make_plan(*loaded.result.config, context.plan.pipeline);
  if (wanted.pipeline != context.plan.pipeline) {
    return fail(ErrorCode::invalid_config,
                fmt::format("the commit names the pipeline {}, this run is of {}", wanted.pipeline,
                            context.plan.pipeline),
                "start a new run: it begins the pipeline of the new name");
  }
  const std::string wanted_digest = plan::digest(wanted);
  const bool same = wanted_digest == plan::digest(context.plan);
  APHEX_TRY(const std::optional<PlanStore::Stored> stored,
            context.services.plans.current(context.plan.pipeline));
  if (!stored || stored->digest != wanted_digest) {
    if (Status replaced = context.services.plans.replace(wanted, context.parameters); !replaced) {
      return fail_because("the new plan could not be stored; the old one stays",
                          std::move(replaced.error()));
    }
  }
  const std::string short_digest = wanted_digest.substr(0, 12);
  if (same)
    return done(stored && stored->digest == wanted_digest ? "unchanged" : "stored " + short_digest);
  context.log.note(fmt::format("the plan changed from {} to {}",
                               plan::digest(context.plan).substr(0, 12), short_digest));
  if (wanted.on_change == config::OnChange::proceed) {
    context.log.note("pipeline.onChange is continue: this run goes on under the old plan");
    return done("changed to " + short_digest + ", for the next run");
  }
  return StepOutcome{StepOutcome::Kind::hand_over, "changed to " + short_digest};
}

}  // namespace aphex::engine::steps
