// Asks people whether the deployment may go on, and waits for them.

#include "engine/approval_gate.hpp"
#include "engine/change_record.hpp"
#include "engine/steps/steps.hpp"
#include "os/files.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> await_approval(StepContext& context) {
  const auto& body = std::get<plan::AwaitApproval>(context.step.body);
  const plan::Environment& environment = context.plan.environments.at(body.environment);
  // What the step before it has just kept.
  APHEX_TRY(const std::string text, os::read_file(context.paths.changes(environment.name)));
  APHEX_TRY(const changes::ChangeSet changes, changes::from_json(text));
  return context.services.approvals.ask({changes, body.approval, context});
}

}  // namespace aphex::engine::steps
