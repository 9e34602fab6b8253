#pragma once
// Runs, stages, steps, outputs and stored plans. Thread-safe; several processes may have it open.

#include <functional>
#include <mutex>

#include "os/clock.hpp"
#include "store/branch_stack.hpp"
#include "store/database.hpp"
#include "store/run_records.hpp"

namespace aphex::store {

struct RunFilter {
  std::optional<std::string> pipeline;
  std::optional<std::string> branch;
  std::optional<RunState> state;
  std::optional<std::string> commit_prefix;
  std::optional<std::int64_t> before;  // only runs with a smaller number
  int limit = 20;
};

// Names a stage's attempt.
struct StageKey {
  std::int64_t run = 0;
  std::string stage;
  int attempt = 1;
};

class RunDatabase {
 public:
  static Result<std::unique_ptr<RunDatabase>> open(const std::filesystem::path& path,
                                                   std::shared_ptr<os::Clock> clock);

  // Where there are no runs yet: the next one gets a higher number. For a database that began anew
  // beside the directories of older runs.
  Status begin_ids_after(std::int64_t highest);

  // `claim` runs inside the transaction, with the new id: a run is never visible unclaimed.
  Result<std::int64_t> create_run(const NewRun& run,
                                  const std::function<Status(std::int64_t)>& claim);
  // A resumed run gets a new owner and is queued again.
  Status requeue_run(std::int64_t id, std::int64_t owner_pid, std::int64_t owner_start);
  Status start_run(std::int64_t id);
  Status finish_run(std::int64_t id, RunState state, int exit_code,
                    const std::optional<Failure>& failure);
  // Marks the run and whatever of it was running as interrupted.
  Status interrupt_run(std::int64_t id);

  Result<int> begin_stage(std::int64_t run, const std::string& stage);  // the attempt's number
  Status finish_stage(const StageKey& key, WorkState state,
                      const std::optional<std::string>& error);
  Status begin_step(const StageKey& key, const StepRecord& step);
  Status finish_step(const StageKey& key, const StepRecord& step);

  Status add_process_group(std::int64_t run, const ProcessGroup& group);
  Status remove_process_group(std::int64_t run, int process_group);
  Status clear_process_groups(std::int64_t run);
  Result<std::vector<ProcessGroup>> process_groups(std::int64_t run);

  Status replace_outputs(std::int64_t run, const std::string& environment,
                         const std::vector<OutputRecord>& outputs);
  Result<std::vector<OutputRecord>> outputs(std::int64_t run);

  Result<RunRecord> run(std::int64_t id);  // not_found
  // The run that was made for this request, or the last that it handed over to.
  Result<std::optional<std::int64_t>> run_of_request(const std::string& request);
  // The request that led to it: its own, or that of the run which handed over to it.
  Result<std::optional<std::string>> request_of_run(std::int64_t id);
  Result<std::vector<RunRecord>> runs(const RunFilter& filter);  // newest first
  Result<std::vector<RunRecord>> unfinished_runs();              // oldest first
  struct Total {
    std::string pipeline;
    std::string state;
    std::int64_t count = 0;
    Millis lasted = 0;               // all of them together, from start to end
    std::optional<Millis> last_end;  // of the one that ended last
    std::optional<Millis> last_lasted;
  };
  Result<std::vector<Total>> totals();  // by pipeline and state
  // The latest attempt of each stage, in order.
  Result<std::vector<StageRecord>> stages(std::int64_t run);
  // Of every attempt, in order.
  Result<std::vector<StepRecord>> steps(std::int64_t run);

  // What pipelines of branches have deployed, in the order in which it was deployed first.
  Status add_branch_stack(const BranchStack& stack);
  Result<std::vector<BranchStack>> branch_stacks(const std::string& pipeline);
  Status remove_branch_stack(const BranchStack& stack);
  // The commits that runs of this pipeline were of.
  Result<std::vector<std::string>> commits_of(const std::string& pipeline);

  Result<std::optional<StoredPlan>> stored_plan(const std::string& pipeline);
  Status replace_plan(const std::string& pipeline, const StoredPlan& plan);

 private:
  RunDatabase(Database database, std::shared_ptr<os::Clock> clock);
  Millis now() const;

  std::mutex mutex_;  // guards database_
  Database database_;
  std::shared_ptr<os::Clock> clock_;
};

}  // namespace aphex::store
