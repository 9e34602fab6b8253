#pragma once
// The embedded engine: takes a plan and a commit, and makes a run of them.

#include <memory>

#include "engine/run_observer.hpp"
#include "engine/run_queue.hpp"
#include "engine/step.hpp"
#include "store/run_database.hpp"

namespace aphex::engine {

struct RunRequest {
  plan::Plan plan;
  RunParameters parameters;
  RunOptions options;
  std::optional<std::int64_t> restarted_from;
  std::optional<std::string> request = {};  // no other run may bear it
};

struct RunOutcome {
  std::int64_t id = 0;  // of the last run, where one handed over
  store::RunState state = store::RunState::failed;
  std::optional<Error> error;
};

// The JSON form of RunOptions that a run's record keeps.
std::string to_json(const RunOptions& options);
Result<RunOptions> run_options_from(const std::string& json);

class RunEngine {
 public:
  // All references outlive the engine.
  struct Parts {
    StatePaths paths;
    store::RunDatabase& database;
    Services& services;
    RunObserver& observer;
  };
  explicit RunEngine(Parts parts) : parts_(std::move(parts)) {}

  // Queues the run, waits for its turn, executes it, and the run that it hands over to. An Error
  // means that the run could not be recorded; everything else is in the outcome.
  Result<RunOutcome> start(RunRequest request, const os::CancelToken& cancel);
  // Goes on with a failed, cancelled or interrupted run from its first unfinished stage.
  Result<RunOutcome> resume(std::int64_t id, const os::CancelToken& cancel);

 private:
  struct Active;  // a run that we own
  Result<Active> claim_new(RunRequest request);
  Result<Active> claim_existing(std::int64_t id);
  Result<RunOutcome> execute(Active active, const os::CancelToken& cancel);
  // One run without its successor.
  RunOutcome execute_once(Active& active, std::optional<os::FileLock>& turn,
                          const os::CancelToken& cancel);
  Status record_end(const Active& active, const RunOutcome& outcome);
  void discard_older_copies(const Active& active);
  Result<Active> claim_successor(const Active& active);
  Result<StepOutcome::Kind> execute_stages(Active& active, const os::CancelToken& cancel);
  // After a failure before the pipeline stage: the commit's own plan, where it is another one.
  std::optional<plan::Plan> plan_that_may_mend(const Active& active, const plan::Stage& failed,
                                               const Error& error) const;
  Result<StepOutcome::Kind> execute_one(const Active& active, const plan::Stage& stage,
                                        const os::CancelToken& cancel);

  Parts parts_;
};

}  // namespace aphex::engine
