// Puts an environment's outputs where its test commands find them.

#include <fmt/format.h>

#include "engine/artifacts.hpp"
#include "engine/outputs.hpp"
#include "engine/steps/steps.hpp"
#include "os/files.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> provide_outputs(StepContext& context) {
  const std::size_t index = std::get<plan::ProvideOutputs>(context.step.body).environment;
  const plan::Environment& environment = context.plan.environments.at(index);
  const auto file = context.paths.outputs(environment.name);
  auto outputs = read_outputs(file);
  if (!outputs && outputs.error().code == ErrorCode::not_found) {
    const std::string key = outputs_key(artifact_prefix(context), environment.name);
    APHEX_CHECK(os::make_directories(file.parent_path()));
    if (auto got = context.services.artifacts.get_file(key, file, context.cancel); !got) {
      return fail_because(fmt::format("there are no outputs of environment {} ({} in {})",
                                      environment.name, key, context.services.artifacts.location()),
                          std::move(got.error()));
    }
    outputs = read_outputs(file);
  }
  if (!outputs) return fail(std::move(outputs.error()));
  const OutputVariables variables = output_variables(*outputs);
  for (const std::string& note : variables.notes)
    context.log.note(note);
  context.log.note(fmt::format("APHEX_OUTPUTS_FILE={}", file.string()));
  return StepOutcome{StepOutcome::Kind::done,
                     fmt::format("{} output{}", variables.variables.size(),
                                 variables.variables.size() == 1 ? "" : "s")};
}

}  // namespace aphex::engine::steps
