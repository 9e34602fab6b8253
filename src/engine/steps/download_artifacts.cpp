#include "base/text.hpp"
#include "engine/artifacts.hpp"
#include "engine/steps/steps.hpp"
#include "engine/working_copy.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> download_artifacts(StepContext& context) {
  if (working_copy_state(context) == WorkingCopyState::built) {
    return StepOutcome{StepOutcome::Kind::skipped, "already here"};
  }
  APHEX_TRY(const std::uint64_t bytes, fetch_artifacts(context));
  return StepOutcome{StepOutcome::Kind::done, human_bytes(bytes)};
}

}  // namespace aphex::engine::steps
