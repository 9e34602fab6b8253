#pragma once
// What a person asks of runs and of the queue, over the API or from a page. What starts something
// becomes an entry of the queue, and the dispatcher's as any other.

#include <cstdint>
#include <optional>
#include <string>

#include "server/route.hpp"

namespace aphex::server {

struct Asked {
  std::string who;  // the token's name, or "local"
  // Asking again with the same key does nothing a second time. Empty: each is a wish of its own.
  std::string key;
};

// Errors of all of them: not_found, already_exists (the state does not allow it: said which),
// usage (a value that is none).

// Tells the run's process to end.
Status cancel_run(Site& site, std::int64_t run);
// Drops what waits; of an entry that executes, its run is cancelled.
Status cancel_entry(Site& site, std::int64_t number, const Asked& asked);
// To go on with a failed, cancelled or interrupted run. The entry's number.
Result<QueueEntry> resume_run(Site& site, std::int64_t run, const Asked& asked);
// Its commit again, from the start, as a new run.
Result<QueueEntry> retry_run(Site& site, std::int64_t run, const Asked& asked);

struct CommitWish {
  std::string pipeline;  // of the server's configuration
  std::string commit;    // 40 digits; empty: the branch's newest when its turn comes
  std::string branch;    // empty: the pipeline's
};
Result<QueueEntry> run_commit(Site& site, const CommitWish& wish, const Asked& asked);

}  // namespace aphex::server
