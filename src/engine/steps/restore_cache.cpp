#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/artifacts.hpp"
#include "engine/dependency_state.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {

namespace {

// A cache that cannot be read costs an installation, never the run.
Result<store::CacheOutcome> restore(StepContext& context, const CachedDependency& dependency) {
  Result<store::CacheOutcome> outcome =
      context.services.dependencies.restore(*dependency.key, dependency.set, context.cancel);
  if (!outcome && !context.cancel.cancelled()) {
    context.log.note(describe(outcome.error()));
    return store::CacheOutcome::miss;
  }
  // What an interrupted installation left there, or the commit brought along, is not what the lock
  // file says: only what we restored and nobody touched counts.
  if (outcome && *outcome == store::CacheOutcome::present &&
      !archive_of_untouched(context, dependency)) {
    context.log.note(dependency.set.path + ": there already, but not from the cache");
    return store::CacheOutcome::miss;
  }
  return outcome;
}

}  // namespace

Result<StepOutcome> restore_cache(StepContext& context) {
  if (build_is_reused(context)) return StepOutcome{StepOutcome::Kind::skipped, "already built"};
  const auto& paths = std::get<plan::RestoreCache>(context.step.body).paths;
  APHEX_TRY(const std::vector<CachedDependency> dependencies, cached_dependencies(context, paths));
  std::size_t restored = 0;
  for (const CachedDependency& dependency : dependencies) {
    if (!dependency.key) {
      context.log.note(dependency.set.path + ": no lock file beside it or above it, so not cached");
      continue;
    }
    APHEX_TRY(const store::CacheOutcome outcome, restore(context, dependency));
    const std::string short_key = dependency.key->substr(0, 12);
    switch (outcome) {
      case store::CacheOutcome::restored:
        APHEX_CHECK(remember_restored(context, dependency));
        [[fallthrough]];
      case store::CacheOutcome::present:
        ++restored;
        context.log.note(
            fmt::format("{}: restored for lock file {}", dependency.set.path, short_key));
        break;
      case store::CacheOutcome::miss:
        context.log.note(
            fmt::format("{}: nothing kept for lock file {}", dependency.set.path, short_key));
        break;
    }
  }
  const bool exact = !dependencies.empty() && restored == dependencies.size();
  APHEX_CHECK(write_cache_state(context, exact ? CacheState::exact : CacheState::miss));
  if (dependencies.empty()) return StepOutcome{StepOutcome::Kind::skipped, "nothing is cached"};
  return StepOutcome{
      StepOutcome::Kind::done,
      exact ? "restored" : fmt::format("{} of {} restored", restored, dependencies.size())};
}

}  // namespace aphex::engine::steps
