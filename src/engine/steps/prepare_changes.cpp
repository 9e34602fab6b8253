// Finds out what a deployment would change, so that people see what they approve.

#include "base/text.hpp"
#include "changes/render.hpp"
#include "engine/change_record.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> prepare_changes(StepContext& context) {
  const std::size_t environment = std::get<plan::PrepareChanges>(context.step.body).environment;
  APHEX_TRY(const changes::ChangeSet changes, find_changes(context, environment));
  APHEX_CHECK(keep_changes(context, changes));
  for (const std::string& line : split(changes::render_text(changes, Colour::never), '\n')) {
    if (!line.empty()) context.log.output("", line);
  }
  return StepOutcome{StepOutcome::Kind::done, changes::summary(changes)};
}

}  // namespace aphex::engine::steps
