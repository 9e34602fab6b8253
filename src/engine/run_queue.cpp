#include "engine/run_queue.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "os/files.hpp"
#include "os/process.hpp"

namespace aphex::engine {
namespace {

constexpr std::chrono::milliseconds kPoll{200};
// What leftovers of a killed run get between SIGTERM and SIGKILL.
constexpr std::chrono::milliseconds kLeftoverGrace{3'000};

// What a killed run has left behind. Empty, or what could not be ended: that is told, since it must
// not hold up every later run.
Result<std::string> end_leftovers(store::RunDatabase& database, std::int64_t run) {
  std::string trouble;
  const std::string boot = boot_id();
  APHEX_TRY(const std::vector<store::ProcessGroup> groups, database.process_groups(run));
  for (const store::ProcessGroup& group : groups) {
    const Result<std::uint64_t> start = os::process_start_time(group.process_group);
    // Another boot or start time: the number was given to a stranger. No leader: whoever is left of
    // the group still carries its number, which is not given again while they live.
    if (group.boot == boot && (!start || *start == group.start_time)) {
      const Status ended = os::end_process_group(group.process_group, kLeftoverGrace);
      if (!ended) trouble = describe(ended.error());
    }
    APHEX_CHECK(database.remove_process_group(run, group.process_group));
  }
  return trouble;
}

Result<std::string> stage_in_progress(store::RunDatabase& database, std::int64_t run) {
  APHEX_TRY(const std::vector<store::StageRecord> stages, database.stages(run));
  for (const store::StageRecord& stage : stages) {
    if (stage.state == store::WorkState::running) return stage.id;
  }
  return std::string();
}

// The oldest run of the pipeline that was asked for before ours. Those whose process is gone were
// marked before.
Result<std::optional<std::int64_t>> predecessor(store::RunDatabase& database, const Turn& turn) {
  APHEX_TRY(const std::vector<store::RunRecord> runs, database.unfinished_runs());
  for (const store::RunRecord& run : runs) {
    if (run.pipeline == turn.pipeline && run.id < turn.run) {
      return std::optional<std::int64_t>(run.id);
    }
  }
  return std::optional<std::int64_t>();
}

template <typename Tell>
Status for_each_orphan(store::RunDatabase& database, const StatePaths& paths, const Tell& tell) {
  APHEX_TRY(const std::vector<store::RunRecord> runs, database.unfinished_runs());
  for (const store::RunRecord& run : runs) {
    // Held while the run is marked: nobody resumes it meanwhile.
    APHEX_TRY(const std::optional<os::FileLock> lock,
              os::FileLock::try_acquire(RunPaths{paths.run(run.id)}.owner_lock()));
    if (!lock) continue;
    // Its owner may have finished it between our look at the database and at the lock.
    APHEX_TRY(const store::RunRecord now, database.run(run.id));
    if (is_finished(now.state)) continue;
    APHEX_TRY(const std::string stage, stage_in_progress(database, run.id));
    APHEX_TRY(const std::string trouble, end_leftovers(database, run.id));
    // A step's temporary files may hold what only that step may know.
    (void)os::remove_tree(RunPaths{paths.run(run.id)}.temporary());
    APHEX_CHECK(database.interrupt_run(run.id));
    tell(run, stage, trouble);
  }
  return {};
}

}  // namespace

std::string boot_id() {
  const Result<std::string> text = os::read_file("/proc/sys/kernel/random/boot_id");
  return text ? std::string(trim(*text)) : std::string();
}

Status recover_interrupted(store::RunDatabase& database, const StatePaths& paths,
                           RunObserver& observer) {
  return for_each_orphan(
      database, paths,
      [&](const store::RunRecord& run, const std::string& stage, const std::string& trouble) {
        if (!trouble.empty()) {
          observer.message(fmt::format("run {} left processes behind that could not be ended: {}",
                                       run.id, trouble));
        }
        observer.message(fmt::format(
            "run {} of {} was interrupted{}; 'aphex resume {}' goes on with it", run.id,
            run.pipeline, stage.empty() ? " before it began" : " in stage " + stage, run.id));
      });
}

Status mark_interrupted(store::RunDatabase& database, const StatePaths& paths) {
  return for_each_orphan(database, paths, [](const auto&, const auto&, const auto&) {});
}

Result<os::FileLock> wait_for_turn(store::RunDatabase& database, const StatePaths& paths,
                                   const Turn& turn, RunObserver& observer, os::Clock& clock,
                                   const os::CancelToken& cancel) {
  std::int64_t told = 0;
  while (!cancel.cancelled()) {
    APHEX_CHECK(recover_interrupted(database, paths, observer));
    APHEX_TRY(const std::optional<std::int64_t> before, predecessor(database, turn));
    if (!before) {
      APHEX_TRY(std::optional<os::FileLock> lock,
                os::FileLock::try_acquire(paths.pipeline_lock(turn.pipeline)));
      if (lock) {
        // Whoever held it may have been killed since we looked.
        APHEX_CHECK(recover_interrupted(database, paths, observer));
        return std::move(*lock);
      }
    }
    const std::int64_t waits_for = before.value_or(-1);
    if (told != waits_for) {
      told = waits_for;
      observer.message(before
                           ? fmt::format("waiting: run {} of {} goes first", *before, turn.pipeline)
                           : fmt::format("waiting: another run of {} is going", turn.pipeline));
    }
    (void)clock.sleep(kPoll, cancel);
  }
  return fail(ErrorCode::cancelled,
              fmt::format("cancelled while waiting for its turn ({})", cancel.reason()));
}

}  // namespace aphex::engine
