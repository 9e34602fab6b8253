#include "engine/working_copy.hpp"

#include <fmt/format.h>

#include "doc/value.hpp"
#include "engine/clone_report.hpp"
#include "engine/git.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

constexpr std::int64_t kMarkerVersion = 1;

std::filesystem::path marker_path(const StepContext& context) {
  return context.paths.root / "work.json";
}

Status write_marker(const StepContext& context, bool artifacts) {
  const doc::Value marker = doc::Value::object({{"version", kMarkerVersion},
                                                {"commit", context.parameters.commit_sha},
                                                {"artifacts", artifacts}});
  return os::write_file_atomic(marker_path(context), doc::to_json(marker) + "\n");
}

// A file or link as it is; a submodule or a repository within, which git lists as one entry, whole.
Status copy_entry(const std::filesystem::path& from, const std::filesystem::path& to) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::symlink_status(from, error);
  // Tracked but deleted: it is simply not there.
  if (!fs::exists(status)) return {};
  APHEX_CHECK(os::make_directories(to.parent_path()));
  if (fs::is_directory(status)) return os::copy_tree(from, to);
  if (fs::is_symlink(status)) {
    fs::copy_symlink(from, to, error);
  } else {
    fs::copy_file(from, to, error);  // with its mode
  }
  if (error) return fail_errno("cannot copy " + from.string(), error.value());
  return {};
}

// Tracked and untracked files as they lie there; what git ignores stays behind.
Status copy_worktree(StepContext& context, Git& git) {
  const std::filesystem::path& from = context.options.worktree;
  APHEX_TRY(const std::vector<std::string> files, git.listed_files(from));
  for (const std::string& file : files)
    APHEX_CHECK(copy_entry(from / file, context.paths.work() / file));
  return {};
}

Status copy_commit(StepContext& context, Git& git) {
  const std::filesystem::path& work = context.paths.work();
  if (context.options.source == Source::worktree) return copy_worktree(context, git);
  // Whoever opens a pull request writes the addresses of its submodules.
  if (context.options.scope == Scope::validation) {
    return git.clone_without_submodules(context.options.clone_source, context.parameters.commit_sha,
                                        work);
  }
  return git.clone_commit(context.options.clone_source, context.parameters.commit_sha, work);
}

// Somebody else has cloned it: what they say about it counts. Where something was changed since, it
// is brought back without the network, because only they can reach the repository.
Status adopt_prepared(StepContext& context, Git& git) {
  Result<CloneReport> report = read_clone_report(context.options.clone_report);
  if (!report && report.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::unavailable,
                fmt::format("the commit was not cloned: there is no {}",
                            context.options.clone_report.string()),
                "'aphex stage --clone' writes it, in the pod's init container");
  }
  if (!report) return fail(std::move(report.error()));
  if (report->error) return fail(std::move(*report->error));
  if (report->commit_sha != context.parameters.commit_sha) {
    return fail(ErrorCode::corrupt, fmt::format("commit {} was cloned instead of {}",
                                                report->commit_sha, context.parameters.commit_sha));
  }
  return git.restore(context.paths.work(), context.parameters.commit_sha);
}

}  // namespace

WorkingCopyState working_copy_state(const StepContext& context) {
  const Result<std::string> text = os::read_file(marker_path(context));
  if (!text) return WorkingCopyState::missing;
  const Result<doc::Value> marker = doc::parse_json(*text);
  if (!marker || marker->string_or("commit", "") != context.parameters.commit_sha) {
    return WorkingCopyState::missing;
  }
  std::error_code unreadable_is_absent;
  if (!std::filesystem::is_directory(context.paths.work(), unreadable_is_absent))
    return WorkingCopyState::missing;
  const doc::Value* artifacts = marker->find("artifacts");
  const bool built =
      artifacts != nullptr && artifacts->as_bool() != nullptr && *artifacts->as_bool();
  return built ? WorkingCopyState::built : WorkingCopyState::source;
}

Status ensure_working_copy(StepContext& context) {
  if (working_copy_state(context) != WorkingCopyState::missing) return {};
  const std::filesystem::path work = context.paths.work();
  APHEX_CHECK(os::remove_tree(marker_path(context)));
  Git git(context.services.processes, context.services.environment, context.cancel);
  if (context.options.origin == WorkingCopyOrigin::prepared) {
    APHEX_CHECK(adopt_prepared(context, git));
    return write_marker(context, false);
  }
  APHEX_CHECK(os::remove_tree(work));
  APHEX_CHECK(os::make_directories(work));
  if (context.options.origin == WorkingCopyOrigin::clone) APHEX_CHECK(copy_commit(context, git));
  return write_marker(context, false);
}

Status discard_working_copy(const StepContext& context) {
  APHEX_CHECK(os::remove_tree(marker_path(context)));
  if (context.options.origin == WorkingCopyOrigin::prepared) return {};
  return os::remove_tree(context.paths.work());
}

Status mark_working_copy_built(const StepContext& context) {
  return write_marker(context, true);
}

}  // namespace aphex::engine
