// Compares the configured stacks with the application's, before anything is deployed.

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/prepared_stacks.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> check_stacks(StepContext& context) {
  const std::size_t environment = std::get<plan::CheckStacks>(context.step.body).environment;
  const plan::Environment& of = context.plan.environments.at(environment);
  APHEX_TRY(const PreparedStacks prepared, prepare_stacks(context, environment));
  for (const std::string& note : prepared.match.notes)
    context.log.note(note);
  std::vector<std::string> names;
  for (std::size_t i : prepared.order.order)
    names.push_back(of.stacks[i].name);
  context.log.note("order: " + join(names, ", "));
  return StepOutcome{StepOutcome::Kind::done, fmt::format("{} of the app's {} stacks", names.size(),
                                                          prepared.assembly.stacks.size())};
}

}  // namespace aphex::engine::steps
