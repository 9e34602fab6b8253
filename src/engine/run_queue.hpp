#pragma once
// Whose turn it is: runs of one pipeline execute one at a time, in the order they were asked for.
// Locks are flock(2)s, so that a killed process never holds anything up.

#include "engine/run_observer.hpp"
#include "engine/run_paths.hpp"
#include "os/files.hpp"
#include "store/run_database.hpp"

namespace aphex::engine {

// Ends what killed runs left behind and marks them interrupted; says so to `observer`.
Status recover_interrupted(store::RunDatabase& database, const StatePaths& paths,
                           RunObserver& observer);

// The same for whoever only looks: marks them, says nothing.
Status mark_interrupted(store::RunDatabase& database, const StatePaths& paths);

// Tells one boot of the machine from another: process numbers begin anew with each.
std::string boot_id();

struct Turn {
  std::int64_t run = 0;
  std::string pipeline;
};

// Blocks until no older living run of the pipeline waits and the pipeline's lock is ours.
Result<os::FileLock> wait_for_turn(store::RunDatabase& database, const StatePaths& paths,
                                   const Turn& turn, RunObserver& observer, os::Clock& clock,
                                   const os::CancelToken& cancel);

}  // namespace aphex::engine
