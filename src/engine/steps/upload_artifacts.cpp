#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/artifacts.hpp"
#include "engine/assembly_record.hpp"
#include "engine/dependency_state.hpp"
#include "engine/git.hpp"
#include "engine/steps/steps.hpp"
#include "engine/working_copy.hpp"
#include "os/files.hpp"
#include "store/archive.hpp"

namespace aphex::engine::steps {
namespace {

struct Archive {
  std::string key;  // relative to the prefix
  std::filesystem::path root;
  store::PackOptions options;
};

// A link to itself, say, is nothing that could be packed.
bool is_there(const std::filesystem::path& path) {
  std::error_code unreadable_is_absent;
  return std::filesystem::exists(path, unreadable_is_absent);
}

std::vector<std::string> existing(const std::filesystem::path& root,
                                  const std::vector<std::string>& paths) {
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    if (is_there(root / path)) found.push_back(path);
  }
  return found;
}

// What the commit itself holds, for the pods that have no clone. Without build.artifacts it is in
// the build's output anyway.
Result<Archive> source_archive(const StepContext& context) {
  Git git(context.services.processes, context.services.environment, context.cancel);
  Archive source{std::string(kSource), context.paths.work(), {}};
  APHEX_TRY(const std::vector<std::string> tracked, git.tracked_files(context.paths.work()));
  for (const std::string& file : tracked) {
    std::error_code unreadable_is_absent;
    const auto status =
        std::filesystem::symlink_status(context.paths.work() / file, unreadable_is_absent);
    if (std::filesystem::exists(status)) source.options.include.push_back(file);
  }
  return source;
}

Result<std::vector<Archive>> archives(const StepContext& context) {
  const auto& artifacts = std::get<plan::UploadArtifacts>(context.step.body).paths;
  const std::vector<std::string> caches = cache_paths(context.plan);
  const std::filesystem::path work = context.paths.work();
  for (const std::string& path : artifacts) {
    if (is_there(work / path)) continue;
    return fail(ErrorCode::not_found,
                fmt::format("build.artifacts names {}, which the build did not make", path),
                "correct the path, or have a build command make it");
  }
  std::vector<Archive> list;
  Archive output{std::string(kBuildOutput), work, {}};
  output.options.include = artifacts;
  output.options.exclude_names = {".git"};
  output.options.exclude_paths = caches;
  list.push_back(std::move(output));
  if (context.options.origin == WorkingCopyOrigin::prepared && !artifacts.empty()) {
    APHEX_TRY(Archive source, source_archive(context));
    list.push_back(std::move(source));
  }
  if (const std::vector<std::string> found = existing(work, caches); !found.empty()) {
    Archive dependencies{std::string(kDependencies), work, {}};
    dependencies.options.include = found;
    list.push_back(std::move(dependencies));
  }
  for (const plan::Environment& environment : context.plan.environments) {
    list.push_back({assembly_key(environment.name), context.paths.assembly(environment.name), {}});
  }
  return list;
}

// The one dependency that the archive holds alone: then artifact and cache are the same bytes.
const CachedDependency* sole_dependency(const Archive& archive,
                                        const std::vector<CachedDependency>& dependencies) {
  if (archive.key != kDependencies || archive.options.include.size() != 1) return nullptr;
  for (const CachedDependency& dependency : dependencies) {
    if (dependency.key && dependency.set.path == archive.options.include.front())
      return &dependency;
  }
  return nullptr;
}

// As it came out of the cache, where nobody wrote there since. Nothing: it has to be packed.
std::optional<store::BlobInfo> put_as_restored(StepContext& context, const Archive& archive,
                                               const CachedDependency& dependency) {
  const auto kept = archive_of_untouched(context, dependency);
  if (!kept) return std::nullopt;
  Result<store::BlobInfo> blob = context.services.artifacts.put_file(
      artifact_prefix(context) + "/" + archive.key, *kept, context.cancel);
  if (!blob) return std::nullopt;  // evicted meanwhile; any other error comes again
  context.log.note(fmt::format("{}: as restored from the cache, {}", archive.key,
                               human_bytes(blob->size_bytes)));
  blob->key = archive.key;
  return std::move(*blob);
}

Result<store::BlobInfo> pack_and_put(StepContext& context, const Archive& archive,
                                     const std::vector<CachedDependency>& dependencies) {
  const CachedDependency* sole = sole_dependency(archive, dependencies);
  if (sole != nullptr) {
    if (auto blob = put_as_restored(context, archive, *sole)) return std::move(*blob);
  }
  const std::filesystem::path file =
      context.paths.temporary() / std::filesystem::path(archive.key).filename();
  APHEX_TRY(const store::ArchiveSummary summary,
            store::pack(archive.root, file, archive.options, context.cancel));
  APHEX_TRY(store::BlobInfo blob,
            context.services.artifacts.put_file(artifact_prefix(context) + "/" + archive.key, file,
                                                context.cancel));
  // Where this fails, save_caches() packs again.
  if (sole != nullptr) (void)context.services.dependencies.adopt(*sole->key, file);
  (void)os::remove_tree(file);
  context.log.note(fmt::format("{}: {} files, {} packed to {}", archive.key, summary.entries,
                               human_bytes(summary.content_bytes),
                               human_bytes(summary.archive_bytes)));
  blob.key = archive.key;
  return blob;
}

// An assembly of this very run, where the one among the artifacts did not fit: it replaces that.
bool synthesized_here(const StepContext& context, const Archive& archive) {
  const Result<AssemblyRecord> record = read_record(archive.root);
  return record && record->run == context.paths.root.filename().string();
}

Status save_caches(StepContext& context, const std::vector<CachedDependency>& dependencies) {
  for (const CachedDependency& dependency : dependencies) {
    if (!dependency.key) continue;
    if (!is_there(context.paths.work() / dependency.set.path)) continue;
    APHEX_CHECK(
        context.services.dependencies.save(*dependency.key, dependency.set, context.cancel));
  }
  return {};
}

}  // namespace

Result<StepOutcome> upload_artifacts(StepContext& context) {
  APHEX_CHECK(os::make_directories(context.paths.temporary()));
  APHEX_TRY(const std::vector<Archive> list, archives(context));
  APHEX_TRY(const std::vector<CachedDependency> dependencies,
            cached_dependencies(context, cache_paths(context.plan)));
  ArtifactManifest manifest;
  manifest.build_digest = build_digest(context.plan);
  std::optional<ArtifactManifest> before;
  if (build_is_reused(context)) {
    APHEX_TRY(before, read_manifest(context));
  }
  std::uint64_t bytes = 0;
  std::size_t added = 0;
  for (const Archive& archive : list) {
    const store::BlobInfo* there = before ? before->find(archive.key) : nullptr;
    if (there != nullptr && !synthesized_here(context, archive)) {
      manifest.files.push_back(*there);
      continue;
    }
    if (added == 0) APHEX_CHECK(remove_manifest(context));
    APHEX_TRY(const store::BlobInfo blob, pack_and_put(context, archive, dependencies));
    bytes += blob.size_bytes;
    ++added;
    manifest.files.push_back(blob);
  }
  if (added == 0) return StepOutcome{StepOutcome::Kind::skipped, "already there"};
  APHEX_CHECK(write_manifest(context, manifest));
  APHEX_CHECK(mark_working_copy_built(context));
  // The run has what it needs; a cache that could not be kept costs the next one some time only.
  if (const Status saved = save_caches(context, dependencies); !saved) {
    context.log.note("the dependencies could not be cached: " + describe(saved.error()));
  }
  return StepOutcome{
      StepOutcome::Kind::done,
      fmt::format("{} archive{}, {}", added, added == 1 ? "" : "s", human_bytes(bytes)), bytes};
}

}  // namespace aphex::engine::steps
