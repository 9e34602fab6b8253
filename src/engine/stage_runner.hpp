#pragma once
// Executes one stage: its steps in order, within its bound on time, each recorded. The same under
// the embedded engine and in the pod of a stage.

#include "engine/run_observer.hpp"
#include "engine/step.hpp"
#include "store/run_database.hpp"

namespace aphex::engine {

struct StageRun {
  store::RunDatabase& database;
  RunObserver& observer;
  Services& services;
  const RunPaths& paths;
  std::int64_t run = 0;  // in the database
  const plan::Plan& plan;
  std::string plan_digest;  // see StepContext
  const RunParameters& parameters;
  const RunOptions& options;
  const plan::Stage& stage;  // of `plan`
};

// A new attempt of the stage. An Error says which stage and step failed; it is recorded already.
Result<StepOutcome::Kind> execute_stage(const StageRun& run, const os::CancelToken& cancel);

}  // namespace aphex::engine
