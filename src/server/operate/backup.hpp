#pragma once
// The state directory in one file, and back.
//
// A backup is a .tar.gz of:
//   manifest.json      {"version": 1, "createdAt", "stateDirectory",
//                      "files": {"<path>": "<sha256>"}}
//   aphex.db           as of one moment, without a log beside it
//   runs/<id>/         logs, outputs, events
//   artifacts/         of the state directory's own store
//   server/queue/      what the processes of the queue's entries printed
// Left out is what can be had again: working copies, assemblies, caches, the sandbox.

#include <filesystem>

#include "base/result.hpp"
#include "engine/run_paths.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"

namespace aphex::server {

struct BackupReport {
  std::uint64_t files = 0;
  std::uint64_t archive_bytes = 0;
};

// Servers and runs may go on meanwhile. `file` appears whole or not at all.
Result<BackupReport> create_backup(const engine::StatePaths& paths,
                                   const std::filesystem::path& file, os::Clock& clock,
                                   const os::CancelToken& cancel);

enum class Existing { refuse, set_aside };

struct RestoreReport {
  std::uint64_t files = 0;
  std::string created_at;             // of the backup
  std::filesystem::path set_aside{};  // where the earlier state is; empty: there was none
};

// Everything is checked before anything is replaced: the digest of each file, the database's
// integrity. Errors: already_exists where a server or a run is going, or there is a state already
// and `existing` refuses; corrupt.
Result<RestoreReport> restore_backup(const engine::StatePaths& paths,
                                     const std::filesystem::path& file, Existing existing,
                                     os::Clock& clock, const os::CancelToken& cancel);

}  // namespace aphex::server
