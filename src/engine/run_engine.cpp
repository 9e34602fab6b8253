#include "engine/run_engine.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include "engine/commit_config.hpp"
#include "engine/service_set.hpp"
#include "engine/stage_runner.hpp"
#include "engine/trash.hpp"
#include "os/files.hpp"
#include "os/process.hpp"

namespace aphex::engine {
namespace {

// One run may hand over to one more. A third would mean that the plan depends on something else
// than the commit.
constexpr int kMaxRestarts = 1;
// As a shell reports a program ended by SIGINT, and as aphex itself ends.
constexpr int kCancelledExitCode = 130;
// Another aphex that looks whether the run's process lives holds its lock for an instant.
constexpr int kOwnerLooks = 5;
constexpr std::chrono::milliseconds kOwnerPause{20};
// Older runs have long been seen to by the successes between.
constexpr int kMaxDiscardedCopies = 50;

store::RunState run_state(const Error& error) {
  return error.code == ErrorCode::cancelled ? store::RunState::cancelled : store::RunState::failed;
}

}  // namespace

struct RunEngine::Active {
  std::int64_t id = 0;
  RunRequest request;
  RunPaths paths;
  os::FileLock owner;
  // With a hand-over: what the next run executes; nothing: the plan that is stored by then.
  std::optional<plan::Plan> next_plan = std::nullopt;
};

Result<RunEngine::Active> RunEngine::claim_new(RunRequest request) {
  store::NewRun run;
  run.pipeline = request.plan.pipeline;
  run.plan_digest = plan::digest(request.plan);
  run.plan = doc::to_json(plan::to_value(request.plan));
  run.commit_sha = request.parameters.commit_sha;
  run.repository_url = request.parameters.repository_url;
  run.branch = request.parameters.branch;
  run.author = request.parameters.author;
  run.message = request.parameters.message;
  run.options = to_json(request.options);
  run.restarted_from = request.restarted_from;
  run.request = request.request;
  run.owner_pid = ::getpid();
  APHEX_TRY(const std::uint64_t start, os::process_start_time(::getpid()));
  run.owner_start = static_cast<std::int64_t>(start);
  for (const plan::Stage& stage : request.plan.stages) {
    run.stages.push_back({stage.id, std::string(plan::to_string(stage.kind))});
  }
  std::optional<os::FileLock> owner;
  const auto claim = [&](std::int64_t id) -> Status {
    const RunPaths paths{parts_.paths.run(id)};
    APHEX_CHECK(os::make_directories(paths.root));
    APHEX_TRY(owner, os::FileLock::try_acquire(paths.owner_lock()));
    if (owner) return {};
    return fail(ErrorCode::internal, fmt::format("the new run {} already has an owner", id));
  };
  APHEX_TRY(const std::int64_t id, parts_.database.create_run(run, claim));
  return Active{id, std::move(request), RunPaths{parts_.paths.run(id)}, std::move(*owner)};
}

Result<RunEngine::Active> RunEngine::claim_existing(std::int64_t id) {
  APHEX_TRY([[maybe_unused]] const store::RunRecord known, parts_.database.run(id));
  const RunPaths paths{parts_.paths.run(id)};
  APHEX_CHECK(os::make_directories(paths.root));
  std::optional<os::FileLock> owner;
  for (int look = 0; look < kOwnerLooks && !owner; ++look) {
    if (look > 0) (void)parts_.services.clock->sleep(kOwnerPause, os::CancelToken());
    APHEX_TRY(owner, os::FileLock::try_acquire(paths.owner_lock()));
  }
  if (!owner) {
    return fail(ErrorCode::usage, fmt::format("run {} is still going", id),
                fmt::format("'aphex logs {} --follow' watches it", id));
  }
  // Read under the lock: its owner may just have finished it.
  APHEX_TRY(const store::RunRecord record, parts_.database.run(id));
  if (record.state == store::RunState::succeeded || record.state == store::RunState::handed_over) {
    return fail(ErrorCode::usage,
                fmt::format("run {} is finished ({})", id, store::to_string(record.state)),
                "'aphex run' starts a new one");
  }
  APHEX_TRY(const doc::Value value, doc::parse_json(record.plan));
  APHEX_TRY(plan::Plan plan, plan::from_value(value));
  APHEX_TRY(RunOptions options, run_options_from(record.options));
  APHEX_TRY(const std::uint64_t start, os::process_start_time(::getpid()));
  APHEX_CHECK(parts_.database.requeue_run(id, ::getpid(), static_cast<std::int64_t>(start)));
  RunRequest request{std::move(plan),
                     RunParameters{record.commit_sha, record.repository_url, record.branch,
                                   record.author, record.message},
                     std::move(options), record.restarted_from};
  return Active{id, std::move(request), paths, std::move(*owner)};
}

Result<RunOutcome> RunEngine::start(RunRequest request, const os::CancelToken& cancel) {
  APHEX_CHECK(recover_interrupted(parts_.database, parts_.paths, parts_.observer));
  APHEX_TRY(Active active, claim_new(std::move(request)));
  return execute(std::move(active), cancel);
}

Result<RunOutcome> RunEngine::resume(std::int64_t id, const os::CancelToken& cancel) {
  APHEX_CHECK(recover_interrupted(parts_.database, parts_.paths, parts_.observer));
  APHEX_TRY(Active active, claim_existing(id));
  return execute(std::move(active), cancel);
}

Result<RunOutcome> RunEngine::execute(Active active, const os::CancelToken& cancel) {
  std::optional<os::FileLock> turn;  // held over the hand-over: nobody comes between
  while (true) {
    const auto started = parts_.services.clock->steady();
    RunOutcome outcome = execute_once(active, turn, cancel);
    // The successor is there before this run is finished: killed in between, the run is resumed,
    // and asks again whether to hand over.
    std::optional<Active> successor;
    if (outcome.state == store::RunState::handed_over) {
      Result<Active> claimed = claim_successor(active);
      if (claimed) {
        successor = std::move(*claimed);
      } else {
        outcome.state = store::RunState::failed;
        outcome.error = std::move(claimed.error());
      }
    }
    APHEX_CHECK(record_end(active, outcome));
    const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(
        parts_.services.clock->steady() - started);
    parts_.observer.run_finished(
        {active.id, outcome.state, duration, outcome.error ? &*outcome.error : nullptr});
    if (!successor) return outcome;
    parts_.observer.message(
        fmt::format("run {} hands over to run {} under the new plan", active.id, successor->id));
    active = std::move(*successor);
  }
}

RunOutcome RunEngine::execute_once(Active& active, std::optional<os::FileLock>& turn,
                                   const os::CancelToken& cancel) {
  const Result<StepOutcome::Kind> result = [&]() -> Result<StepOutcome::Kind> {
    if (!turn) {
      APHEX_TRY(turn, wait_for_turn(parts_.database, parts_.paths,
                                    {active.id, active.request.plan.pipeline}, parts_.observer,
                                    *parts_.services.clock, cancel));
    }
    APHEX_CHECK(parts_.database.start_run(active.id));
    parts_.observer.run_started({active.id, active.request.plan, active.request.parameters});
    return execute_stages(active, cancel);
  }();
  RunOutcome outcome{active.id, store::RunState::succeeded, std::nullopt};
  if (!result) {
    outcome.error = parts_.services.secrets.mask(result.error());
    outcome.state = run_state(result.error());
  } else if (*result == StepOutcome::Kind::hand_over) {
    outcome.state = store::RunState::handed_over;
  }
  return outcome;
}

Status RunEngine::record_end(const Active& active, const RunOutcome& outcome) {
  // It may hold what only a step may know.
  (void)os::remove_tree(active.paths.temporary());
  std::optional<store::Failure> failure;
  int exit_code = 0;
  if (outcome.error) {
    failure = store::Failure{std::string(to_string(outcome.error->code)), describe(*outcome.error),
                             outcome.error->hint};
    exit_code = outcome.error->code == ErrorCode::cancelled ? kCancelledExitCode
                                                            : std::max(1, outcome.error->exit_code);
  }
  APHEX_CHECK(parts_.database.finish_run(active.id, outcome.state, exit_code, failure));
  if (outcome.error) return {};
  // Only a run that may be resumed needs its working copy; everything in it can be had again, so
  // that the run is over even where it cannot be removed.
  (void)os::remove_tree(active.paths.root / "work.json");
  (void)discard(parts_.paths, active.paths.work(), parts_.services.environment);
  if (outcome.state == store::RunState::succeeded) discard_older_copies(active);
  return {};
}

// A success supersedes the failures before it. Should somebody resume one all the same, its commit
// is cloned again; a working tree cannot be, so its copies stay.
void RunEngine::discard_older_copies(const Active& active) {
  store::RunFilter filter;
  filter.pipeline = active.request.plan.pipeline;
  filter.limit = kMaxDiscardedCopies;
  const Result<std::vector<store::RunRecord>> runs = parts_.database.runs(filter);
  if (!runs) return;
  for (const store::RunRecord& run : *runs) {
    const RunPaths paths{parts_.paths.run(run.id)};
    if (run.id >= active.id || !std::filesystem::exists(paths.root / "work.json")) continue;
    const Result<RunOptions> options = run_options_from(run.options);
    if (!options || options->source != Source::commit) continue;
    const Result<std::optional<os::FileLock>> owner = os::FileLock::try_acquire(paths.owner_lock());
    if (!owner || !*owner) continue;
    (void)os::remove_tree(paths.root / "work.json");
    (void)discard(parts_.paths, paths.work(), parts_.services.environment);
  }
}

Result<RunEngine::Active> RunEngine::claim_successor(const Active& active) {
  RunRequest next = active.request;
  if (active.next_plan) {
    next.plan = *active.next_plan;
  } else {
    // The new plan is what the pipeline stage has just stored.
    APHEX_TRY(const std::optional<store::StoredPlan> stored,
              parts_.database.stored_plan(
                  stored_plan_name(active.request.plan.pipeline, active.request.options.aws)));
    if (!stored) return fail(ErrorCode::internal, "the run handed over, but no plan is stored");
    APHEX_TRY(const doc::Value value, doc::parse_json(stored->plan));
    APHEX_TRY(next.plan, plan::from_value(value));
    // Asked to build again, this run has; the next one finds the artifacts.
    next.options.build = BuildMode::reuse;
  }
  next.options.restarts += 1;
  next.restarted_from = active.id;
  next.request.reset();  // the first of the chain bears it
  return claim_new(std::move(next));
}

Result<StepOutcome::Kind> RunEngine::execute_stages(Active& active, const os::CancelToken& cancel) {
  APHEX_TRY(const std::vector<store::StageRecord> records, parts_.database.stages(active.id));
  for (const plan::Stage& stage : active.request.plan.stages) {
    const auto record = std::find_if(records.begin(), records.end(), [&](const auto& candidate) {
      return candidate.id == stage.id;
    });
    // The pipeline stage decides whether the run hands over; that is asked again, since a killed
    // process may have answered without acting on it. It changes nothing where nothing changed.
    if (record != records.end() && record->state == store::WorkState::succeeded &&
        stage.kind != plan::StageKind::pipeline) {
      parts_.observer.stage_reused(stage);
      continue;
    }
    Result<StepOutcome::Kind> kind = execute_one(active, stage, cancel);
    if (!kind) {
      active.next_plan = plan_that_may_mend(active, stage, kind.error());
      if (!active.next_plan) return kind;
      parts_.observer.message(
          fmt::format("run {} failed under the pipeline's stored plan ({}), which this commit "
                      "changes; trying the commit's own",
                      active.id, parts_.services.secrets.mask(describe(kind.error()))));
      return StepOutcome::Kind::hand_over;
    }
    if (*kind != StepOutcome::Kind::hand_over) continue;
    if (active.request.options.restarts < kMaxRestarts) return kind;
    return fail(
        ErrorCode::invalid_config,
        "the plan changed again after the run was already restarted for it",
        "the plan must follow from the commit alone; set pipeline.name in the configuration "
        "if the repository's name differs from place to place");
  }
  return StepOutcome::Kind::done;
}

// Without this, a plan with a mistake in its build would stand for ever: the stage that replaces it
// comes after the build. What is stored changes only when the next run's pipeline stage says so.
std::optional<plan::Plan> RunEngine::plan_that_may_mend(const Active& active,
                                                        const plan::Stage& failed,
                                                        const Error& error) const {
  const bool before_pipeline =
      failed.kind == plan::StageKind::validate || failed.kind == plan::StageKind::build;
  if (!before_pipeline || error.code == ErrorCode::cancelled ||
      active.request.options.scope != Scope::pipeline ||
      active.request.options.restarts >= kMaxRestarts) {
    return std::nullopt;
  }
  const Result<CommitConfig> loaded =
      load_commit_config(active.paths, active.request.options, active.request.parameters);
  if (!loaded || !loaded->result.config) return std::nullopt;
  plan::Plan own = plan::make_plan(*loaded->result.config, active.request.plan.pipeline);
  if (own.pipeline != active.request.plan.pipeline) return std::nullopt;
  if (plan::digest(own) == plan::digest(active.request.plan)) return std::nullopt;
  return own;
}

Result<StepOutcome::Kind> RunEngine::execute_one(const Active& active, const plan::Stage& stage,
                                                 const os::CancelToken& cancel) {
  return execute_stage({.database = parts_.database,
                        .observer = parts_.observer,
                        .services = parts_.services,
                        .paths = active.paths,
                        .run = active.id,
                        .plan = active.request.plan,
                        .plan_digest = plan::digest(active.request.plan),
                        .parameters = active.request.parameters,
                        .options = active.request.options,
                        .stage = stage},
                       cancel);
}

}  // namespace aphex::engine
