#pragma once
// The same stage as the commit's own plan has it. Without this, a template with a mistake in its
// build would stand for ever: the stage that replaces it comes after the build.

#include <optional>

#include "engine/step.hpp"
#include "plan/plan.hpp"

namespace aphex::stage {

struct FailedStage {
  const plan::Plan& part;  // that failed, see plan_part.hpp
  const engine::RunPaths& paths;
  const engine::RunOptions& options;
  const engine::RunParameters& parameters;
};

// The commit's own part of the stage, where the failed one came before the pipeline's update, the
// commit's configuration is valid and the commit does the stage otherwise.
std::optional<plan::Plan> own_part(const FailedStage& failed, const Error& error);

}  // namespace aphex::stage
