#include "engine/artifacts.hpp"

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "engine/working_copy.hpp"
#include "os/files.hpp"
#include "store/archive.hpp"

namespace aphex::engine {
namespace {

constexpr std::int64_t kManifestVersion = 1;
constexpr std::string_view kManifest = "artifacts.json";

std::string full_key(const StepContext& context, std::string_view key) {
  return artifact_prefix(context) + "/" + std::string(key);
}

Result<ArtifactManifest> parse_manifest(const std::string& text, const std::string& rebuild) {
  APHEX_TRY(const doc::Value value, doc::parse_json(text));
  const doc::Value* version = value.find("version");
  if (version == nullptr || version->as_int() == nullptr ||
      *version->as_int() != kManifestVersion) {
    return fail(ErrorCode::unsupported, "artifacts.json was written by another version of aphex",
                fmt::format("build the commit again: '{}'", rebuild));
  }
  ArtifactManifest manifest;
  manifest.build_digest = value.string_or("buildDigest", "");
  const doc::Value* files = value.find("files");
  if (files == nullptr || !files->is_array()) {
    return fail(ErrorCode::corrupt, "artifacts.json has no list of files");
  }
  for (const doc::Value& file : *files->as_array()) {
    const doc::Value* size = file.find("sizeBytes");
    manifest.files.push_back({file.string_or("key", ""),
                              size != nullptr && size->as_int() != nullptr
                                  ? static_cast<std::uint64_t>(*size->as_int())
                                  : 0,
                              file.string_or("sha256", "")});
  }
  return manifest;
}

// Downloads one archive, compares it with the manifest and unpacks it. Returns its size.
Result<std::uint64_t> fetch_archive(StepContext& context, const store::BlobInfo& file,
                                    const std::filesystem::path& destination) {
  const std::filesystem::path archive =
      context.paths.temporary() / std::filesystem::path(file.key).filename();
  APHEX_CHECK(os::make_directories(context.paths.temporary()));
  const std::string key = full_key(context, file.key);
  APHEX_TRY(const store::BlobInfo got,
            context.services.artifacts.get_file(key, archive, context.cancel));
  if (!file.sha256.empty() && got.sha256 != file.sha256) {
    return fail(ErrorCode::corrupt,
                fmt::format("artifact {} in {} is not the one that the build uploaded (SHA-256 {}, "
                            "expected {})",
                            key, context.services.artifacts.location(), got.sha256, file.sha256),
                fmt::format("it was replaced since; build the commit again: '{}'",
                            context.options.commands.rebuild));
  }
  const Result<store::ArchiveSummary> unpacked =
      store::unpack(archive, destination, {}, context.cancel);
  (void)os::remove_tree(archive);
  if (!unpacked) return fail_because("cannot unpack artifact " + key, unpacked.error());
  return got.size_bytes;
}

}  // namespace

std::string artifact_prefix(const StepContext& context) {
  if (context.options.scope == Scope::branch) {
    return branch_artifact_prefix(context.parameters.commit_sha, context.options.branch_id);
  }
  return artifact_prefix(context.options.source, context.parameters.commit_sha,
                         context.paths.root.filename().string());
}

std::string artifact_prefix(Source source, const std::string& commit_sha, const std::string& run) {
  if (source == Source::commit) return commit_sha;
  return fmt::format("{}-worktree-{}", commit_sha, run);
}

std::string branch_artifact_prefix(std::string_view commit, std::string_view branch_id) {
  return fmt::format("{}/branches/{}", commit, branch_id);
}

std::string assembly_key(const std::string& environment) {
  return "cdk.out/" + environment + ".tar.gz";
}

std::vector<std::string> cache_paths(const plan::Plan& plan) {
  for (const plan::Stage& stage : plan.stages) {
    for (const plan::Step& step : stage.steps) {
      if (const auto* cache = std::get_if<plan::RestoreCache>(&step.body)) return cache->paths;
    }
  }
  return {};
}

std::string build_digest(const plan::Plan& plan) {
  doc::Value commands = doc::Value::array();
  doc::Value paths = doc::Value::array();
  for (const plan::Stage& stage : plan.stages) {
    if (stage.kind != plan::StageKind::build) continue;
    for (const plan::Step& step : stage.steps) {
      if (const auto* command = std::get_if<plan::RunCommand>(&step.body)) {
        commands.push_back(command->command);
      }
      if (const auto* upload = std::get_if<plan::UploadArtifacts>(&step.body)) {
        paths = doc::Value::strings(upload->paths);
      }
    }
  }
  return sha256_hex(
      doc::to_json(doc::Value::object({{"commands", commands},
                                       {"artifacts", paths},
                                       {"cache", doc::Value::strings(cache_paths(plan))}})));
}

const store::BlobInfo* ArtifactManifest::find(std::string_view key) const {
  for (const store::BlobInfo& file : files) {
    if (file.key == key) return &file;
  }
  return nullptr;
}

Result<std::optional<ArtifactManifest>> read_manifest(StepContext& context) {
  APHEX_CHECK(os::make_directories(context.paths.temporary()));
  return read_manifest_of(
      context.services.artifacts, artifact_prefix(context),
      {context.paths.temporary() / kManifest, context.options.commands.rebuild, context.cancel});
}

Result<std::optional<ArtifactManifest>> read_manifest_of(store::ArtifactStore& artifacts,
                                                         const std::string& prefix,
                                                         const ManifestWish& wish) {
  const Result<store::BlobInfo> got =
      artifacts.get_file(prefix + "/" + std::string(kManifest), wish.scratch, wish.cancel);
  if (!got) {
    if (got.error().code == ErrorCode::not_found) return std::optional<ArtifactManifest>();
    return fail(got.error());
  }
  APHEX_TRY(const std::string text, os::read_file(wish.scratch));
  (void)os::remove_tree(wish.scratch);
  APHEX_TRY(ArtifactManifest manifest, parse_manifest(text, wish.rebuild));
  return std::optional<ArtifactManifest>(std::move(manifest));
}

Status write_manifest(StepContext& context, const ArtifactManifest& manifest) {
  doc::Value files = doc::Value::array();
  for (const store::BlobInfo& file : manifest.files) {
    files.push_back(doc::Value::object({{"key", file.key},
                                        {"sizeBytes", static_cast<std::int64_t>(file.size_bytes)},
                                        {"sha256", file.sha256}}));
  }
  const doc::Value value = doc::Value::object({{"version", kManifestVersion},
                                               {"commit", context.parameters.commit_sha},
                                               {"buildDigest", manifest.build_digest},
                                               {"files", std::move(files)}});
  const std::filesystem::path local = context.paths.temporary() / kManifest;
  APHEX_CHECK(os::write_file_atomic(local, doc::to_json(value, 2) + "\n"));
  APHEX_TRY(
      [[maybe_unused]] const store::BlobInfo put,
      context.services.artifacts.put_file(full_key(context, kManifest), local, context.cancel));
  return os::remove_tree(local);
}

Status remove_manifest(StepContext& context) {
  return context.services.artifacts.remove(full_key(context, kManifest));
}

Result<std::uint64_t> fetch_artifacts(StepContext& context) {
  APHEX_CHECK(ensure_working_copy(context));
  if (working_copy_state(context) == WorkingCopyState::built) return std::uint64_t{0};
  APHEX_TRY(const std::optional<ArtifactManifest> manifest, read_manifest(context));
  if (!manifest) {
    return fail(ErrorCode::not_found,
                fmt::format("the artifacts of commit {} are not in {}",
                            context.parameters.commit_sha.substr(0, 12),
                            context.services.artifacts.location()),
                fmt::format("the build stage uploads them; if they were removed since, build "
                            "again: '{}'",
                            context.options.commands.rebuild));
  }
  return fetch_artifacts(context, *manifest);
}

Result<std::uint64_t> fetch_artifacts(StepContext& context, const ArtifactManifest& manifest) {
  APHEX_CHECK(ensure_working_copy(context));
  if (working_copy_state(context) == WorkingCopyState::built) return std::uint64_t{0};
  std::uint64_t bytes = 0;
  // The source first: what the build made of a file stands over it.
  if (const store::BlobInfo* source = manifest.find(kSource);
      source != nullptr && context.options.origin == WorkingCopyOrigin::artifacts) {
    APHEX_TRY(bytes, fetch_archive(context, *source, context.paths.work()));
  }
  for (const store::BlobInfo& file : manifest.files) {
    if (file.key == kSource) continue;
    std::filesystem::path destination = context.paths.work();
    if (file.key.starts_with("cdk.out/")) {
      destination = context.paths.assembly(std::filesystem::path(file.key).stem().stem().string());
      APHEX_CHECK(os::remove_tree(destination));
    }
    APHEX_TRY(const std::uint64_t size, fetch_archive(context, file, destination));
    bytes += size;
  }
  APHEX_CHECK(mark_working_copy_built(context));
  return bytes;
}

bool build_is_reused(const StepContext& context) {
  return working_copy_state(context) == WorkingCopyState::built;
}

}  // namespace aphex::engine
