#pragma once
// The artifacts of a commit, in the artifact store:
//
//   <prefix>/build-output.tar.gz           build.artifacts, or everything but the caches
//   <prefix>/node_modules.tar.gz           build.cache, where there is any
//   <prefix>/cdk.out/<environment>.tar.gz  each environment's cloud assembly
//   <prefix>/source.tar.gz                 what the commit holds, where the build ran in a pod and
//                                          build.artifacts names a part of it: later pods do not
//                                          clone
//   <prefix>/artifacts.json                written last: its presence says that all are whole
//
// The prefix is the commit's SHA; a run of a working tree gets one of its own, so that nobody
// takes its results for the commit's, and a branch with a pipeline of its own
// <sha>/branches/<branch id>, because its stacks are synthesized under other names.
//
// artifacts.json: {"version": 1, "commit", "buildDigest", "files": [{"key", "sizeBytes",
// "sha256"}]} "key" is relative to the prefix; "buildDigest" is over what the plan's build
// commands, artifact and cache paths are, so that a plan that builds otherwise builds again.

#include <optional>
#include <string>
#include <vector>

#include "engine/step.hpp"

namespace aphex::engine {

inline constexpr std::string_view kBuildOutput = "build-output.tar.gz";
inline constexpr std::string_view kSource = "source.tar.gz";
inline constexpr std::string_view kDependencies = "node_modules.tar.gz";

std::string artifact_prefix(const StepContext& context);
std::string branch_artifact_prefix(std::string_view commit, std::string_view branch_id);
// The same of a run that is recorded.
std::string artifact_prefix(Source source, const std::string& commit_sha, const std::string& run);
std::string assembly_key(const std::string& environment);  // relative to the prefix
std::string build_digest(const plan::Plan& plan);
// The paths of the plan's dependency cache.
std::vector<std::string> cache_paths(const plan::Plan& plan);

struct ArtifactManifest {
  std::string build_digest;
  std::vector<store::BlobInfo> files;
  const store::BlobInfo* find(std::string_view key) const;
};

// Nothing where the commit was not built, or not to the end.
Result<std::optional<ArtifactManifest>> read_manifest(StepContext& context);
struct ManifestWish {
  std::filesystem::path scratch;  // a file for the moment
  std::string rebuild;            // the command that builds again, for messages
  os::CancelToken cancel;
};
Result<std::optional<ArtifactManifest>> read_manifest_of(store::ArtifactStore& artifacts,
                                                         const std::string& prefix,
                                                         const ManifestWish& wish);
Status write_manifest(StepContext& context, const ArtifactManifest& manifest);
// Before anything of a commit is replaced: a manifest never names what is no longer there.
Status remove_manifest(StepContext& context);

// Brings the working copy to what the build left: clones, downloads, unpacks; at once where it is
// already there. Assemblies go to the run's assemblies/. Returns the bytes downloaded.
Result<std::uint64_t> fetch_artifacts(StepContext& context);
// The same for whoever has read the manifest already.
Result<std::uint64_t> fetch_artifacts(StepContext& context, const ArtifactManifest& manifest);

// Whether this run builds nothing because the commit's artifacts were found.
bool build_is_reused(const StepContext& context);

}  // namespace aphex::engine
