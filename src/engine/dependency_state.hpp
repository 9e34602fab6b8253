#pragma once
// The dependency caches of a run: what is cached under which key, and whether it was restored.

#include <optional>

#include "engine/step.hpp"

namespace aphex::engine {

struct CachedDependency {
  store::DependencySet set;
  std::optional<std::string> key;  // nothing without a lock file
};

Result<std::vector<CachedDependency>> cached_dependencies(StepContext& context,
                                                          const std::vector<std::string>& paths);

// The archive that a restored tree came from, so that nobody packs it again. Written once a tree
// was restored; the archive is answered only while the tree is as it was then.
Status remember_restored(StepContext& context, const CachedDependency& dependency);
std::optional<std::filesystem::path> archive_of_untouched(StepContext& context,
                                                          const CachedDependency& dependency);

// Commands see it as APHEX_CACHE_HIT: "exact" when every cached directory was restored for the very
// lock files of this commit, so that installing again is not needed; "" otherwise.
enum class CacheState { exact, miss };
Status write_cache_state(const StepContext& context, CacheState state);
CacheState read_cache_state(const StepContext& context);

}  // namespace aphex::engine
