#pragma once
// Ends a run that is going or waiting, from another process.

#include "engine/run_paths.hpp"
#include "store/run_database.hpp"

namespace aphex::engine {

// Tells the process that owns the run to end it; it records the end itself, after its step has had
// time to end gracefully. already_exists: it is not going any more.
Status tell_to_end(store::RunDatabase& database, const StatePaths& paths, std::int64_t run);

}  // namespace aphex::engine
