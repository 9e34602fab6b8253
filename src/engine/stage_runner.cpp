#include "engine/stage_runner.hpp"

#include <fmt/format.h>

#include "engine/deadline.hpp"
#include "engine/outputs.hpp"
#include "engine/run_queue.hpp"
#include "engine/step_runner.hpp"

namespace aphex::engine {
namespace {

store::WorkState work_state(const Error& error) {
  return error.code == ErrorCode::cancelled ? store::WorkState::cancelled
                                            : store::WorkState::failed;
}

std::string duration_text(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  if (seconds % 3600 == 0) return fmt::format("{}h", seconds / 3600);
  if (seconds % 60 == 0) return fmt::format("{}m", seconds / 60);
  return fmt::format("{}s", seconds);
}

Status record_outputs(const StageRun& run) {
  const std::string& environment = run.plan.environments[*run.stage.environment].name;
  APHEX_TRY(const Outputs outputs, read_outputs(run.paths.outputs(environment)));
  std::vector<store::OutputRecord> records;
  for (const StackOutputs& stack : outputs) {
    for (const auto& [key, value] : stack.values) {
      records.push_back({environment, stack.stack, key, value});
    }
  }
  return run.database.replace_outputs(run.run, environment, records);
}

Result<StepOutcome::Kind> execute_steps(const StageRun& run, const store::StageKey& key,
                                        const os::CancelToken& cancel,
                                        const os::CancelToken& unbounded) {
  const std::string boot = boot_id();
  const auto remember_group = [&](int group) {
    const Result<std::uint64_t> start = os::process_start_time(group);
    if (start) (void)run.database.add_process_group(run.run, {group, *start, boot});
  };
  for (std::size_t i = 0; i < run.stage.steps.size(); ++i) {
    plan::Step step = run.stage.steps[i];
    // Titles quote commands, and go to logs, records and messages.
    step.title = run.services.secrets.mask(step.title);
    // People are not bound by the stage's timeout: the wait has an end of its own.
    const bool waits = std::holds_alternative<plan::AwaitApproval>(step.body);
    const os::CancelToken& token = waits ? unbounded : cancel;
    const auto context = [&](StepLog& log) {
      return StepContext{run.plan,     run.stage, step,  run.parameters, run.options,     run.paths,
                         run.services, log,       token, remember_group, run.plan_digest, run.run};
    };
    const Result<StepOutcome> outcome =
        execute_step({run.database, run.observer, run.services, run.paths, run.stage, step, key,
                      static_cast<int>(i), context});
    APHEX_CHECK(run.database.clear_process_groups(run.run));
    if (!outcome) return fail_because("step '" + step.title + "'", outcome.error());
    if (std::holds_alternative<plan::CaptureOutputs>(step.body)) APHEX_CHECK(record_outputs(run));
    if (outcome->kind == StepOutcome::Kind::stage_complete ||
        outcome->kind == StepOutcome::Kind::hand_over) {
      return outcome->kind;
    }
  }
  return StepOutcome::Kind::done;
}

}  // namespace

Result<StepOutcome::Kind> execute_stage(const StageRun& run, const os::CancelToken& cancel) {
  const plan::Stage& stage = run.stage;
  APHEX_TRY(const int attempt, run.database.begin_stage(run.run, stage.id));
  const store::StageKey key{run.run, stage.id, attempt};
  run.observer.stage_started(stage, attempt);
  const auto started = run.services.clock->steady();
  os::CancelSource source = os::CancelSource::child_of(cancel);
  Result<StepOutcome::Kind> result = [&] {
    const Deadline deadline(source, stage.timeout, "the stage's time is up");
    return execute_steps(run, key, source.token(), cancel);
  }();
  if (!result && result.error().code == ErrorCode::cancelled && !cancel.cancelled()) {
    result = fail(ErrorCode::timeout,
                  fmt::format("stage {} took longer than its timeout of {}", stage.id,
                              duration_text(stage.timeout)),
                  fmt::format("raise timeouts.{} in the configuration, or make the stage faster",
                              plan::to_string(stage.kind)));
  } else if (!result) {
    const bool cancelled = result.error().code == ErrorCode::cancelled;
    result =
        fail_because(fmt::format("stage {} {}", stage.id, cancelled ? "was cancelled" : "failed"),
                     std::move(result.error()));
  }
  const store::WorkState state = result ? store::WorkState::succeeded : work_state(result.error());
  std::optional<std::string> error;
  if (!result) error = run.services.secrets.mask(describe(result.error()));
  APHEX_CHECK(run.database.finish_stage(key, state, error));
  run.observer.stage_finished({stage, state,
                               std::chrono::duration_cast<std::chrono::milliseconds>(
                                   run.services.clock->steady() - started)});
  return result;
}

}  // namespace aphex::engine
