#pragma once
// The one stage that a pod executes, as the WorkflowTemplate embeds it.

#include <filesystem>

#include "base/result.hpp"
#include "plan/plan.hpp"
#include "stage/pod.hpp"

namespace aphex::stage {

// A plan with exactly one stage, of the pod's pipeline.
Result<plan::Plan> read_plan_part(const std::filesystem::path& file, const Pod& pod);

}  // namespace aphex::stage
