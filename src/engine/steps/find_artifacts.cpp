#include <algorithm>

#include <fmt/format.h>

#include "engine/artifacts.hpp"
#include "engine/steps/steps.hpp"
#include "engine/working_copy.hpp"

namespace aphex::engine::steps {

// A commit is built once: the same commit gives the same artifacts, and running it again must not
// do anything twice.
Result<StepOutcome> find_artifacts(StepContext& context) {
  // Validation has made it; a run that is resumed much later may have lost it.
  APHEX_CHECK(ensure_working_copy(context));
  if (context.options.source == Source::worktree) {
    return StepOutcome{StepOutcome::Kind::skipped, "a working tree is always built"};
  }
  if (context.options.build == BuildMode::again) {
    return StepOutcome{StepOutcome::Kind::skipped, "asked to build again"};
  }
  Result<std::optional<ArtifactManifest>> manifest = read_manifest(context);
  if (!manifest && manifest.error().code != ErrorCode::unsupported) return fail(manifest.error());
  if (!manifest || !manifest->has_value()) {
    return StepOutcome{StepOutcome::Kind::done, "not built yet"};
  }
  if ((*manifest)->build_digest != build_digest(context.plan)) {
    context.log.note("this commit was built by other commands or for other paths; building again");
    return StepOutcome{StepOutcome::Kind::done, "built otherwise"};
  }
  const bool complete = std::all_of(
      context.plan.environments.begin(), context.plan.environments.end(),
      [&](const auto& each) { return (*manifest)->find(assembly_key(each.name)) != nullptr; });
  if (const Result<std::uint64_t> fetched = fetch_artifacts(context, **manifest); !fetched) {
    if (fetched.error().code != ErrorCode::corrupt) return fail(fetched.error());
    context.log.note(describe(fetched.error()) + "; building again");
    // What was unpacked so far must not be mixed with what is built.
    APHEX_CHECK(discard_working_copy(context));
    APHEX_CHECK(ensure_working_copy(context));
    return StepOutcome{StepOutcome::Kind::done, "damaged, building again"};
  }
  context.log.note(fmt::format("found in {}", context.services.artifacts.location()));
  if (!complete) context.log.note("an environment is new: its assembly will be added");
  return StepOutcome{StepOutcome::Kind::done, "already built"};
}

}  // namespace aphex::engine::steps
