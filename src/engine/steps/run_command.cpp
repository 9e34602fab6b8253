#include <fmt/format.h>

#include "engine/artifacts.hpp"
#include "engine/command.hpp"
#include "engine/dependency_state.hpp"
#include "engine/outputs.hpp"
#include "engine/steps/steps.hpp"
#include "engine/target_credentials.hpp"

namespace aphex::engine::steps {
namespace {

std::string_view stage_noun(plan::CommandRole role) {
  switch (role) {
    case plan::CommandRole::build:
      return "build command";
    case plan::CommandRole::before_deploy:
      return "hook before deployment";
    case plan::CommandRole::after_deploy:
      return "hook after deployment";
    case plan::CommandRole::test:
      return "test command";
  }
  return "command";
}

std::string remedy(plan::CommandRole role, const std::string& resume) {
  switch (role) {
    case plan::CommandRole::build:
      return "nothing was deployed and no artifact uploaded; mend the build and commit";
    case plan::CommandRole::before_deploy:
      return fmt::format("nothing of this environment was deployed; '{}' tries again", resume);
    case plan::CommandRole::after_deploy:
      return fmt::format(
          "the stacks stay deployed; '{}' deploys again (unchanged stacks stay as they are) and "
          "runs the hook",
          resume);
    case plan::CommandRole::test:
      return fmt::format(
          "the stacks stay deployed; mend the tests and commit, or '{}' to run them again", resume);
  }
  return "";
}

Result<os::EnvironmentVariables> variables_for(StepContext& context,
                                               const plan::RunCommand& command) {
  if (!command.environment) {
    os::EnvironmentVariables variables = command_environment(context);
    variables["APHEX_CACHE_HIT"] = read_cache_state(context) == CacheState::exact ? "exact" : "";
    return variables;
  }
  const plan::Environment& environment = context.plan.environments[*command.environment];
  os::EnvironmentVariables variables = command_environment(context, environment);
  // Before the first deployment there are no outputs yet.
  if (command.role != plan::CommandRole::before_deploy) {
    APHEX_TRY(const os::EnvironmentVariables outputs,
              output_variables(context.paths.outputs(environment.name)));
    for (const auto& [name, value] : outputs)
      variables[name] = value;
  }
  return variables;
}

}  // namespace

Result<StepOutcome> run_command(StepContext& context) {
  const auto& command = std::get<plan::RunCommand>(context.step.body);
  if (command.role == plan::CommandRole::build && build_is_reused(context)) {
    return StepOutcome{StepOutcome::Kind::skipped, "already built"};
  }
  APHEX_TRY(os::EnvironmentVariables variables, variables_for(context, command));
  std::optional<TargetCredentials> credentials;  // end with the command
  if (command.environment) {
    APHEX_TRY(credentials, TargetCredentials::grant(context, *command.environment));
    credentials->apply_to(variables);
  }
  Command child;
  child.argv = {"bash", "-eo", "pipefail", "-c", command.command};
  child.working_directory = context.paths.work();
  child.environment = std::move(variables);
  APHEX_TRY(const os::ProcessExit exit, run_logged(context, std::move(child)));
  if (exit.shell_code() == 0) return StepOutcome{};
  const std::string how = exit.how == os::ProcessExit::How::signalled
                              ? fmt::format("was ended by signal {}", exit.code)
                              : fmt::format("failed with exit code {}", exit.code);
  Error error;
  error.code = ErrorCode::command_failed;
  error.message = fmt::format("{} {}", stage_noun(command.role), how);
  error.hint = remedy(command.role, context.options.commands.resume);
  error.exit_code = exit.shell_code();
  return fail(std::move(error));
}

}  // namespace aphex::engine::steps
