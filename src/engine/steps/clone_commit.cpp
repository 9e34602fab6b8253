#include "engine/steps/steps.hpp"
#include "engine/working_copy.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> clone_commit(StepContext& context) {
  // A resumed validation begins again with a clone that nobody has touched.
  if (working_copy_state(context) == WorkingCopyState::missing) {
    APHEX_CHECK(ensure_working_copy(context));
  }
  const bool commit = context.options.source == Source::commit;
  return StepOutcome{StepOutcome::Kind::done,
                     commit ? context.parameters.commit_sha.substr(0, 12) : "the working tree"};
}

}  // namespace aphex::engine::steps
