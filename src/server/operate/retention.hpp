#pragma once
// What the server removes of what it has kept long enough (docs/operations.md).
//
// Never removed: what waits or executes, the newest `keep` runs of each pipeline, its last two
// successes (what stands, and what one would go back to), and the newest entry of each branch,
// which tells a late delivery from a new one.

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"
#include "engine/run_paths.hpp"
#include "os/clock.hpp"
#include "server/server_config.hpp"

namespace aphex::server {

struct Removed {
  std::int64_t runs = 0;
  std::int64_t deliveries = 0;
  std::int64_t entries = 0;
  std::int64_t artifacts = 0;  // commits
  std::int64_t audit = 0;
  bool anything() const { return runs + deliveries + entries + artifacts + audit > 0; }
};

// Its own connection to the database, and many small transactions: nobody waits for it. What a
// clock that was set far ahead would take is left: age is measured against what came last.
Result<Removed> remove_old(const engine::StatePaths& paths, const Retention& retention,
                           os::Clock& clock, const os::CancelToken& cancel);

}  // namespace aphex::server
