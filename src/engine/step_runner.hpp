#pragma once
// Executes one step: its log file, its record, its retries.

#include "engine/run_observer.hpp"
#include "engine/step.hpp"
#include "store/run_database.hpp"

namespace aphex::engine {

struct StepRun {
  store::RunDatabase& database;
  RunObserver& observer;
  Services& services;
  const RunPaths& paths;
  const plan::Stage& stage;
  const plan::Step& step;
  store::StageKey key;
  int position = 0;  // of the step in its stage
  // The context, once there is a log.
  std::function<StepContext(StepLog&)> context;
};

// An Error is the step's own, already recorded and shown.
Result<StepOutcome> execute_step(const StepRun& run);

// Full jitter: evenly between 0 and min(kMaxBackoff, kFirstBackoff · 2^(tries-1)).
// https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter
std::chrono::milliseconds backoff_delay(int tries, double random_unit);

}  // namespace aphex::engine
