#include "server/operate/backup.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "base/sha256.hpp"
#include "doc/value.hpp"
#include "os/files.hpp"
#include "store/archive.hpp"
#include "store/database.hpp"

namespace aphex::server {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kVersion = 1;
constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kDatabase = "aphex.db";
// Of a run's directory.
constexpr std::array<std::string_view, 3> kOfRun{"logs", "outputs", "events"};
// What a restore replaces.
constexpr std::array<std::string_view, 6> kReplaced{"aphex.db", "aphex.db-wal", "aphex.db-shm",
                                                    "runs",     "artifacts",    "server/queue"};
constexpr std::string_view kStaging = ".backup-";
constexpr std::size_t kChunk = 1U << 20U;

Result<std::string> digest_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail_errno("cannot read " + file.string(), errno);
  Sha256 sha;
  std::string chunk(kChunk, '\0');
  while (in) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    sha.update(std::string_view(chunk).substr(0, static_cast<std::size_t>(in.gcount())));
  }
  if (in.bad()) return fail(ErrorCode::io, "cannot read " + file.string());
  return to_hex(sha.finish());
}

// The regular files below, relative to it and sorted.
Result<std::vector<fs::path>> files_below(const fs::path& root) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator it(root, error);
  while (!error && it != fs::recursive_directory_iterator()) {
    if (it->symlink_status(error).type() == fs::file_type::regular)
      files.push_back(it->path().lexically_relative(root));
    it.increment(error);
  }
  // What is removed meanwhile is no part of it.
  if (error && error != std::errc::no_such_file_or_directory)
    return fail_errno("cannot read " + root.string(), error.value());
  std::sort(files.begin(), files.end());
  return files;
}

enum class Copy { linked, copied };

// Blobs of the artifact store never change, and are linked; a log grows while it is copied.
Status stage(const fs::path& from, const fs::path& to, Copy how) {
  std::error_code error;
  if (!fs::exists(from, error)) return {};
  APHEX_TRY(const std::vector<fs::path> files, files_below(from));
  for (const fs::path& file : files) {
    APHEX_CHECK(os::make_directories((to / file).parent_path()));
    if (how == Copy::linked) {
      fs::create_hard_link(from / file, to / file, error);
    } else {
      fs::copy_file(from / file, to / file, error);
    }
    if (error == std::errc::no_such_file_or_directory) continue;
    if (error) return fail_errno("cannot copy " + (from / file).string(), error.value());
  }
  return {};
}

Status stage_runs(const fs::path& from, const fs::path& to) {
  std::error_code absent;
  for (const auto& run : fs::directory_iterator(from, absent)) {
    for (const std::string_view part : kOfRun)
      APHEX_CHECK(stage(run.path() / part, to / run.path().filename() / part, Copy::copied));
  }
  return {};
}

// Of a backup that was killed.
Status remove_left_over(const fs::path& root) {
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(root, absent)) {
    if (entry.path().filename().string().starts_with(kStaging))
      APHEX_CHECK(os::remove_tree(entry.path()));
  }
  return {};
}

Status write_manifest(const fs::path& staged, const fs::path& state, os::Clock& clock,
                      std::uint64_t& count) {
  APHEX_TRY(const std::vector<fs::path> files, files_below(staged));
  doc::Value listed = doc::Value::object({});
  for (const fs::path& file : files) {
    APHEX_TRY(const std::string digest, digest_of(staged / file));
    listed.set(file.generic_string(), digest);
  }
  count = files.size();
  return os::write_file_atomic(
      staged / kManifest,
      doc::to_json(doc::Value::object({{"version", kVersion},
                                       {"createdAt", os::format_time(clock.now())},
                                       {"stateDirectory", fs::absolute(state).string()},
                                       {"files", std::move(listed)}})) +
          "\n");
}

tl::unexpected<Error> damaged(const fs::path& file, const std::string& what) {
  return fail(ErrorCode::corrupt, fmt::format("{}: {}", file.string(), what),
              "the backup is damaged or no backup of aphex; take another");
}

// A run's options name what it is cloned from, and its artifact store, by their paths.
Status move_paths(store::Database& database, const std::string& from, const fs::path& root) {
  const std::string to = fs::absolute(root).string();
  if (from.empty() || from == to) return {};
  APHEX_TRY(store::Statement update,
            database.prepare("UPDATE runs SET options = replace(options, ?, ?)"));
  return update.bind("\"" + from + "/").bind("\"" + to + "/").run();
}

// What is unpacked is what was packed: every file, none more.
Result<RestoreReport> verify(const fs::path& staged, const fs::path& file, const fs::path& root) {
  const auto text = os::read_file(staged / kManifest, std::size_t{1} << 30U);
  if (!text) return damaged(file, "it has no manifest.json");
  const auto manifest = doc::parse_json(*text);
  const doc::Value* version = manifest ? manifest->find("version") : nullptr;
  const doc::Value* listed = manifest ? manifest->find("files") : nullptr;
  if (version == nullptr || version->as_int() == nullptr || listed == nullptr ||
      listed->as_object() == nullptr) {
    return damaged(file, "its manifest.json cannot be read");
  }
  if (*version->as_int() > kVersion) {
    return fail(ErrorCode::unsupported,
                fmt::format("{} is a backup of version {}, this aphex knows up to {}",
                            file.string(), *version->as_int(), kVersion),
                "use the newer aphex that wrote it");
  }
  APHEX_TRY(const std::vector<fs::path> files, files_below(staged));
  std::uint64_t known = 0;
  for (const fs::path& each : files) {
    if (each == kManifest) continue;
    const std::string expected = listed->string_or(each.generic_string(), "");
    if (expected.empty()) return damaged(file, each.string() + " is not in its manifest");
    APHEX_TRY(const std::string digest, digest_of(staged / each));
    if (digest != expected) return damaged(file, each.string() + " is not what was saved");
    ++known;
  }
  if (known != listed->as_object()->size())
    return damaged(file, "files of its manifest are missing");
  APHEX_TRY(store::Database database, store::Database::open(staged / kDatabase));
  APHEX_CHECK(database.check_integrity());
  APHEX_CHECK(move_paths(database, manifest->string_or("stateDirectory", ""), root));
  return RestoreReport{.files = known, .created_at = manifest->string_or("createdAt", "")};
}

// Nobody executes here, and nobody begins meanwhile.
Result<std::vector<os::FileLock>> lock_state(const engine::StatePaths& paths) {
  std::vector<fs::path> files{paths.root / "server" / "server.lock"};
  std::error_code absent;
  for (const fs::path& directory : {paths.root / "locks", paths.root / "server" / "queue"}) {
    for (const auto& entry : fs::directory_iterator(directory, absent)) {
      if (entry.path().extension() == ".lock") files.push_back(entry.path());
    }
  }
  std::vector<os::FileLock> locks;
  for (const fs::path& file : files) {
    APHEX_CHECK(os::make_directories(file.parent_path()));
    APHEX_TRY(std::optional<os::FileLock> lock, os::FileLock::try_acquire(file));
    if (!lock) {
      return fail(ErrorCode::already_exists,
                  fmt::format("a server or a run is going in {} ({} is held)", paths.root.string(),
                              file.filename().string()),
                  "end the server, and wait for the run or end it with 'aphex cancel'");
    }
    locks.push_back(std::move(*lock));
  }
  return locks;
}

Status move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!fs::exists(from, error)) return {};
  APHEX_CHECK(os::make_directories(to.parent_path()));
  fs::rename(from, to, error);
  if (error)
    return fail_errno(fmt::format("cannot move {} to {}", from.string(), to.string()),
                      error.value());
  return {};
}

Status put_in_place(const fs::path& staged, const engine::StatePaths& paths,
                    const fs::path& aside) {
  if (!aside.empty()) {
    for (const std::string_view part : kReplaced)
      APHEX_CHECK(move(paths.root / part, aside / part));
  }
  // The database comes last: without it there is no state, and the restore can be done again.
  for (const std::string_view part : {"runs", "artifacts", "server/queue", "aphex.db"})
    APHEX_CHECK(move(staged / part, paths.root / part));
  return {};
}

}  // namespace

Result<BackupReport> create_backup(const engine::StatePaths& paths, const fs::path& file,
                                   os::Clock& clock, const os::CancelToken& cancel) {
  std::error_code error;
  if (!fs::exists(paths.database(), error)) {
    return fail(ErrorCode::not_found,
                fmt::format("there is nothing to back up in {}", paths.root.string()),
                "--state-dir or APHEX_STATE_DIR names another state directory");
  }
  APHEX_TRY(const std::optional<os::FileLock> only,
            os::FileLock::try_acquire(paths.root / "backup.lock"));
  if (!only) {
    return fail(ErrorCode::already_exists,
                fmt::format("another backup of {} is being made", paths.root.string()));
  }
  APHEX_CHECK(remove_left_over(paths.root));
  APHEX_TRY(const os::TemporaryDirectory staging,
            os::TemporaryDirectory::create(paths.root, kStaging));
  const fs::path& staged = staging.path();
  {
    APHEX_TRY(store::Database database, store::Database::open(paths.database()));
    APHEX_CHECK(database.copy_to(staged / kDatabase));
  }
  APHEX_CHECK(stage_runs(paths.root / "runs", staged / "runs"));
  APHEX_CHECK(stage(paths.artifacts(), staged / "artifacts", Copy::linked));
  APHEX_CHECK(stage(paths.root / "server" / "queue", staged / "server" / "queue", Copy::copied));
  BackupReport report;
  APHEX_CHECK(write_manifest(staged, paths.root, clock, report.files));
  // What runs printed is its owner's to read, as in the state directory.
  store::PackOptions options;
  options.mode = 0600;
  APHEX_TRY(const store::ArchiveSummary summary, store::pack(staged, file, options, cancel));
  report.archive_bytes = summary.archive_bytes;
  return report;
}

Result<RestoreReport> restore_backup(const engine::StatePaths& paths, const fs::path& file,
                                     Existing existing, os::Clock& clock,
                                     const os::CancelToken& cancel) {
  std::error_code error;
  const bool there = fs::exists(paths.database(), error);
  if (there && existing == Existing::refuse) {
    return fail(ErrorCode::already_exists,
                fmt::format("{} has a state already", paths.root.string()),
                "--force sets it aside, or --state-dir names another directory");
  }
  APHEX_TRY(const std::vector<os::FileLock> locks, lock_state(paths));
  APHEX_TRY(const os::TemporaryDirectory staging,
            os::TemporaryDirectory::create(paths.root, ".restore-"));
  const fs::path staged = staging.path() / "state";
  APHEX_TRY([[maybe_unused]] const store::ArchiveSummary summary,
            store::unpack(file, staged, {}, cancel));
  APHEX_TRY(RestoreReport report, verify(staged, file, paths.root));
  if (there) {
    std::string name = "replaced-" + os::format_time(clock.now());
    std::replace(name.begin(), name.end(), ':', '-');
    report.set_aside = paths.root / name;
  }
  APHEX_CHECK(put_in_place(staged, paths, report.set_aside));
  return report;
}

}  // namespace aphex::server
