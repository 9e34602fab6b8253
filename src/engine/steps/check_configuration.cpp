#include <fmt/format.h>

#include "base/diagnostic.hpp"
#include "base/text.hpp"
#include "config/config.hpp"
#include "engine/commit_config.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {

Result<StepOutcome> check_configuration(StepContext& context) {
  APHEX_TRY(const CommitConfig loaded, load_commit_config(context));
  for (const std::string& line :
       split(trim(render_text(loaded.source, loaded.result.diagnostics, Colour::never)), '\n')) {
    if (!line.empty()) context.log.output("", line);
  }
  if (!loaded.result.config) return fail(configuration_error(loaded.source, loaded.result));
  const std::size_t warnings = loaded.result.diagnostics.size();
  return StepOutcome{StepOutcome::Kind::done,
                     warnings == 0
                         ? "valid"
                         : fmt::format("valid, {} warning{}", warnings, warnings == 1 ? "" : "s")};
}

}  // namespace aphex::engine::steps
