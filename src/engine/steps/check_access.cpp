// Whether the pipeline reaches an environment's account, before anything is built or deployed.

#include <fmt/format.h>

#include "engine/environment_access.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {
namespace {

// An earlier environment whose check in the same stage speaks for this one too.
const plan::Environment* checked_before(const StepContext& context, std::size_t environment) {
  if (context.stage.kind != plan::StageKind::validate) return nullptr;
  const plan::Environment& of = context.plan.environments.at(environment);
  for (std::size_t i = 0; i < environment; ++i) {
    const plan::Environment& earlier = context.plan.environments[i];
    if (earlier.account == of.account && earlier.region == of.region) return &earlier;
  }
  return nullptr;
}

}  // namespace

Result<StepOutcome> check_access(StepContext& context) {
  const std::size_t environment = std::get<plan::CheckAccess>(context.step.body).environment;
  const AccessTarget target = access_target(context.plan, environment);
  if (const plan::Environment* earlier = checked_before(context, environment)) {
    return StepOutcome{StepOutcome::Kind::skipped,
                       fmt::format("same account and region as {}", earlier->name)};
  }
  APHEX_TRY(const AccessReport report,
            check_environment_access(context.services.aws, target, context.cancel));
  context.log.note(fmt::format("{} ({}) may assume {}", report.caller.arn,
                               context.services.aws.credentials->source(),
                               deploy_role_arn(target)));
  return StepOutcome{
      StepOutcome::Kind::done,
      fmt::format("{}, bootstrap version {}",
                  report.caller.account == target.account ? "own account"
                                                          : "from account " + report.caller.account,
                  report.bootstrap_version)};
}

}  // namespace aphex::engine::steps
