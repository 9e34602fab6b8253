#pragma once
// What is done for an entry of the server's queue, a function for each kind.

#include "cli/run_execution.hpp"
#include "server/webhook/delivery_store.hpp"

namespace aphex::cli {

struct QueuedWork {
  Session& session;
  const Terminal& terminal;
  const server::QueueEntry& entry;
  const server::ServedPipeline& pipeline;
  std::string& note;  // what the entry ends with, where that is worth a word
};

// The commit through its pipeline, or through as much of it as the entry is for. Goes on with the
// run that an earlier process of the entry has made.
Result<ExitCode> perform_commit(QueuedWork& work);

// Goes on with the run that somebody has named.
Result<ExitCode> perform_resume(QueuedWork& work);

// Deletes what the branch's own pipeline has deployed.
Result<ExitCode> perform_teardown(QueuedWork& work);

}  // namespace aphex::cli
