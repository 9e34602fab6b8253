// Whether what is about to be deployed is what was approved. An approval is of certain templates,
// onto certain others: anything else must be asked again.

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/approval_gate.hpp"
#include "engine/change_record.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> check_approval(StepContext& context) {
  const std::size_t index = std::get<plan::CheckApproval>(context.step.body).environment;
  const plan::Environment& environment = context.plan.environments.at(index);
  APHEX_TRY(const std::string digest,
            context.services.approvals.approved(context, environment.name));
  APHEX_TRY(const changes::ChangeSet approved, kept_changes(context, environment.name, digest));
  APHEX_TRY(const std::vector<std::string> differences, differences_to(context, index, approved));
  if (!differences.empty()) {
    return fail(ErrorCode::permission,
                fmt::format("the deployment to {} is not what was approved: {}", environment.name,
                            join(differences, "; ")),
                "nothing of it was deployed; a new run asks again");
  }
  return StepOutcome{StepOutcome::Kind::done, changes::summary(approved)};
}

}  // namespace aphex::engine::steps
