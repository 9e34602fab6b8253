#include "engine/dependency_state.hpp"

#include <sys/utsname.h>

#include "base/text.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

std::filesystem::path state_path(const StepContext& context) {
  return context.paths.root / "cache-state";
}

// The stamp of a restored tree, in a file named by its key.
std::filesystem::path stamp_path(const StepContext& context, const std::string& key) {
  return context.paths.root / ("restored-" + key);
}

std::string platform() {
  utsname names{};
  if (::uname(&names) != 0) return "unknown";
  return to_lower(names.sysname) + "-" + names.machine;
}

}  // namespace

Result<std::vector<CachedDependency>> cached_dependencies(StepContext& context,
                                                          const std::vector<std::string>& paths) {
  std::vector<CachedDependency> dependencies;
  if (paths.empty()) return dependencies;
  os::ProcessSpec spec;
  spec.argv = {"node", "--version"};
  spec.environment = context.services.environment;
  spec.working_directory = context.paths.work();
  const Result<os::Captured> node =
      os::capture(context.services.processes, std::move(spec), context.cancel);
  // Without node nothing of node's is cached under a version; the key then says "none".
  const std::string version =
      node && node->exit.shell_code() == 0 ? std::string(trim(node->out)) : "none";
  for (const std::string& path : paths) {
    CachedDependency dependency{{context.paths.work(), path, version, platform()}, std::nullopt};
    APHEX_TRY(dependency.key, store::dependency_key(dependency.set));
    dependencies.push_back(std::move(dependency));
  }
  return dependencies;
}

Status remember_restored(StepContext& context, const CachedDependency& dependency) {
  APHEX_TRY(const std::string stamp, store::dependency_stamp(dependency.set, context.cancel));
  return os::write_file_atomic(stamp_path(context, *dependency.key), stamp);
}

std::optional<std::filesystem::path> archive_of_untouched(StepContext& context,
                                                          const CachedDependency& dependency) {
  if (!dependency.key) return std::nullopt;
  const Result<std::string> before = os::read_file(stamp_path(context, *dependency.key));
  if (!before) return std::nullopt;
  const Result<std::string> now = store::dependency_stamp(dependency.set, context.cancel);
  if (!now || *now != *before) return std::nullopt;
  return context.services.dependencies.archive(*dependency.key);
}

Status write_cache_state(const StepContext& context, CacheState state) {
  return os::write_file_atomic(state_path(context), state == CacheState::exact ? "exact" : "");
}

CacheState read_cache_state(const StepContext& context) {
  const Result<std::string> text = os::read_file(state_path(context));
  return text && *text == "exact" ? CacheState::exact : CacheState::miss;
}

}  // namespace aphex::engine
