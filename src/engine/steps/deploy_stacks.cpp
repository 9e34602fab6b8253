// Deploys an environment's stacks along their graph, independent ones side by side.

#include <chrono>

#include <fmt/format.h>

#include "engine/cdk_deployer.hpp"
#include "engine/deploy_report.hpp"
#include "engine/deploy_schedule.hpp"
#include "engine/outputs.hpp"
#include "engine/prepared_stacks.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {
namespace {

StackToDeploy stack_to_deploy(const StepContext& context, const plan::Environment& environment,
                              const PreparedStacks& prepared, std::size_t index) {
  const std::string& name = environment.stacks[index].name;
  return {.name = name,
          .stack = prepared.stack(index),
          .assembly = prepared.assembly.directory,
          .outputs_file = stack_outputs_file(context.paths, environment.name, name),
          .events_file = context.paths.events(environment.name) / (file_name_for(name) + ".json")};
}

store::BranchStack branch_stack(const StepContext& context, const plan::Environment& environment,
                                const StackToDeploy& what) {
  return {.pipeline = context.plan.pipeline,
          .environment = environment.name,
          .account = environment.account,
          .region = environment.region,
          .stack = what.name,
          .physical_name = what.stack.physical_name,
          .qualifier = context.plan.bootstrap_qualifier};
}

}  // namespace

Result<StepOutcome> deploy_stacks(StepContext& context) {
  const std::size_t index = std::get<plan::DeployStacks>(context.step.body).environment;
  const plan::Environment& environment = context.plan.environments.at(index);
  APHEX_TRY(const PreparedStacks prepared, prepare_stacks(context, index));
  APHEX_TRY(CdkCli cli, find_cdk({.processes = context.services.processes,
                                  .environment = context.services.environment,
                                  .working_copy = context.paths.work()},
                                 context.cancel));
  if (!cli.warning.empty()) context.log.note("warning: " + cli.warning);
  CdkDeployer deployer(context, std::move(cli), index);
  DeployReport report(environment);
  const auto deploy_one = [&](std::size_t stack) -> Status {
    const StackToDeploy what = stack_to_deploy(context, environment, prepared, stack);
    context.log.note(
        fmt::format("deploying {} to {}/{}", what.name, environment.account, environment.region));
    // Before it begins: what a killed run has half deployed is torn down as well.
    if (context.options.scope == Scope::branch && context.services.on_branch_stack) {
      APHEX_CHECK(context.services.on_branch_stack(branch_stack(context, environment, what)));
    }
    const auto begin = context.services.clock->steady();
    auto change = deployer.deploy(what);
    const std::chrono::duration<double> took = context.services.clock->steady() - begin;
    context.log.note(report.record(stack, std::move(change), took));
    return report.status(stack);
  };
  const std::vector<TaskState> states =
      run_schedule({.order = prepared.order.order,
                    .needs = prepared.needs(),
                    .max_parallel = context.plan.max_parallel_stacks,
                    .cancel = context.cancel},
                   deploy_one);
  APHEX_TRY(std::string summary, report.conclude(states, context.cancel));
  return StepOutcome{StepOutcome::Kind::done, std::move(summary)};
}

}  // namespace aphex::engine::steps
