// Merges what the deployed stacks put out into one file of the environment, and keeps it with the
// commit's artifacts.

#include <fmt/format.h>

#include "engine/artifacts.hpp"
#include "engine/environment_access.hpp"
#include "engine/outputs.hpp"
#include "engine/prepared_stacks.hpp"
#include "engine/steps/steps.hpp"
#include "os/files.hpp"

namespace aphex::engine::steps {
namespace {

// From the CLI's file; from CloudFormation where there is none (a resumed run whose deployment
// was already done).
Result<std::map<std::string, std::string>> outputs_of(
    StepContext& context, const aws::AwsContext& access, const plan::Environment& environment,
    const std::pair<std::string, std::string>& names) {
  const auto& [name, physical_name] = names;
  const auto file = stack_outputs_file(context.paths, environment.name, name);
  auto written = read_cdk_outputs(file, physical_name);
  if (written || written.error().code != ErrorCode::not_found) return written;
  context.log.note(fmt::format("{}: asking CloudFormation for its outputs", name));
  auto stack = aws::describe_stack(access, environment.region, physical_name, context.cancel);
  if (!stack) {
    return fail_because(
        fmt::format("cannot read the outputs of {} (environment {})", name, environment.name),
        std::move(stack.error()));
  }
  return std::move(stack->outputs);
}

}  // namespace

Result<StepOutcome> capture_outputs(StepContext& context) {
  const std::size_t index = std::get<plan::CaptureOutputs>(context.step.body).environment;
  const plan::Environment& environment = context.plan.environments.at(index);
  APHEX_TRY(const PreparedStacks prepared, prepare_stacks(context, index));
  const aws::AwsContext access =
      environment_context(context.services.aws, access_target(context.plan, index));
  Outputs outputs;
  std::size_t count = 0;
  for (std::size_t i = 0; i < environment.stacks.size(); ++i) {
    const std::string& name = environment.stacks[i].name;
    APHEX_TRY(auto values,
              outputs_of(context, access, environment, {name, prepared.stack(i).physical_name}));
    count += values.size();
    outputs.push_back({name, std::move(values)});
  }
  const auto file = context.paths.outputs(environment.name);
  APHEX_CHECK(os::write_file_atomic(file, outputs_json(outputs)));
  APHEX_CHECK(context.services.artifacts.put_file(
      outputs_key(artifact_prefix(context), environment.name), file, context.cancel));
  context.log.note(fmt::format("outputs of {} written to {}", environment.name, file.string()));
  return StepOutcome{StepOutcome::Kind::done,
                     fmt::format("{} output{} of {} stack{}", count, count == 1 ? "" : "s",
                                 outputs.size(), outputs.size() == 1 ? "" : "s")};
}

}  // namespace aphex::engine::steps
