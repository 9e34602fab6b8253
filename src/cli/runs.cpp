#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "engine/run_json.hpp"
#include "engine/run_queue.hpp"
#include "os/clock.hpp"
#include "store/approval_json.hpp"
#include "store/run_text.hpp"

namespace aphex::cli {
namespace {

using engine::is_of_worktree;
using engine::to_value;
using store::time_text;

constexpr int kDefaultRows = 20;
constexpr int kMaxRows = 10'000;
constexpr std::size_t kSubjectCharacters = 50;

std::int64_t now_millis() {
  return os::make_system_clock()->now().time_since_epoch().count();
}

// Of what was done: neither the time before a resume nor that of a process which ended without a
// word, whose end nobody knows.
std::string worked(const store::RunRecord& run, const std::vector<store::StepRecord>& steps) {
  if (!run.started_at) return "-";
  store::Millis sum = 0;
  for (const store::StepRecord& step : steps) {
    if (step.state == store::WorkState::interrupted) continue;
    sum += step.ended_at.value_or(now_millis()) - step.started_at;
  }
  return human_duration(sum);
}

std::string lasted(const std::optional<store::Millis>& from,
                   const std::optional<store::Millis>& until) {
  return from ? store::lasted(from, until, now_millis()) : "-";
}

Style style_of(store::RunState state) {
  switch (state) {
    case store::RunState::succeeded:
      return Style::green;
    case store::RunState::failed:
    case store::RunState::interrupted:
    case store::RunState::cancelled:
      return Style::red;
    case store::RunState::handed_over:
      return Style::yellow;
    case store::RunState::queued:
    case store::RunState::running:
      return Style::blue;
  }
  return Style::plain;
}

std::string first_line(const std::string& text) {
  return printable(store::first_line(text, kSubjectCharacters));
}

class Runs final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("RUN", run_, "show this run with its stages and steps");
    arguments.flag("--all", all_, "of every pipeline, not only of this repository's");
    arguments.option("--pipeline", "NAME", pipeline_, "of this pipeline");
    arguments.choice(
        "--state",
        {"queued", "running", "succeeded", "failed", "cancelled", "interrupted", "handed-over"},
        state_filter_, "only runs in this state");
    arguments.option("--commit", "SHA", commit_, "only of commits that begin so");
    arguments.option("--limit", "N", limit_, "at most so many (default: 20)");
    arguments.choice("--format", {"text", "json"}, format_, "how to print it (default: text)");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    APHEX_CHECK(engine::mark_interrupted(session->database(), session->paths()));
    if (!run_.empty()) return show(*session, terminal);
    store::RunFilter filter;
    const Result<std::int64_t> limit =
        limit_.empty() ? Result<std::int64_t>(kDefaultRows) : parse_run_number(limit_);
    if (!limit) {
      return fail(ErrorCode::usage, fmt::format("--limit takes a number from 1, not '{}'", limit_),
                  "without it the latest 20 are listed");
    }
    const int shown = static_cast<int>(std::min<std::int64_t>(*limit, kMaxRows));
    filter.limit = shown + 1;  // whether there are more
    if (!pipeline_.empty()) {
      filter.pipeline = pipeline_;
    } else if (!all_) {
      filter.pipeline = session->current_pipeline();
    }
    if (!state_filter_.empty()) filter.state = store::run_state_from(state_filter_);
    if (!commit_.empty()) filter.commit_prefix = commit_;
    APHEX_TRY(std::vector<store::RunRecord> runs, session->database().runs(filter));
    const bool more = runs.size() > static_cast<std::size_t>(shown);
    if (more) runs.pop_back();
    APHEX_TRY(const ExitCode code, list(*session, runs, terminal));
    if (more && format_ != "json") {
      terminal.progress(
          fmt::format("these are the latest {}; --limit N lists more\n", runs.size()));
    }
    return code;
  }

 private:
  Result<ExitCode> list(Session& session, const std::vector<store::RunRecord>& runs,
                        const Terminal& terminal) {
    if (format_ == "json") {
      doc::Value value = doc::Value::array();
      for (const store::RunRecord& run : runs)
        value.push_back(to_value(run));
      terminal.print(doc::to_json(value, 2) + "\n");
      return ExitCode::ok;
    }
    if (runs.empty()) {
      const bool filtered = !state_filter_.empty() || !commit_.empty();
      terminal.progress(filtered
                            ? "no run matches; 'aphex runs' without --state and --commit lists "
                              "all that there are\n"
                            : "no runs; 'aphex run --sandbox' makes one, 'aphex runs --all' shows "
                              "those of other pipelines\n");
      return ExitCode::ok;
    }
    std::vector<std::vector<std::string>> rows{
        {"RUN", "STATE", "PIPELINE", "COMMIT", "BRANCH", "STARTED (UTC)", "TIME", "MESSAGE"}};
    APHEX_TRY(const std::unique_ptr<store::ApprovalStore> approvals, open_approvals(session));
    APHEX_TRY(const std::vector<store::ApprovalRecord> pending, approvals->pending());
    for (const store::RunRecord& run : runs) {
      APHEX_TRY(const std::vector<store::StepRecord> steps, session.database().steps(run.id));
      rows.push_back({std::to_string(run.id), state_text(run, pending), run.pipeline,
                      run.commit_sha.substr(0, 12) + (is_of_worktree(run) ? " +changes" : ""),
                      run.branch, time_text(run.started_at.value_or(run.created_at)).substr(0, 16),
                      worked(run, steps), first_line(run.message)});
    }
    terminal.print(render_table(rows));
    return ExitCode::ok;
  }

  Result<ExitCode> show(Session& session, const Terminal& terminal) {
    APHEX_TRY(const store::RunRecord run, session.find_run(run_));
    APHEX_TRY(const std::vector<store::StageRecord> stages, session.database().stages(run.id));
    APHEX_TRY(const std::vector<store::StepRecord> steps, session.database().steps(run.id));
    APHEX_TRY(const std::unique_ptr<store::ApprovalStore> approvals, open_approvals(session));
    APHEX_TRY(const std::vector<store::ApprovalRecord> asked, approvals->of_run(run.id));
    if (format_ == "json") {
      doc::Value value = to_value(run);
      doc::Value stage_list = doc::Value::array();
      for (const store::StageRecord& stage : stages)
        stage_list.push_back(to_value(stage));
      doc::Value step_list = doc::Value::array();
      for (const store::StepRecord& step : steps)
        step_list.push_back(to_value(step));
      value.set("stages", std::move(stage_list));
      value.set("steps", std::move(step_list));
      doc::Value approval_list = doc::Value::array();
      for (const store::ApprovalRecord& approval : asked)
        approval_list.push_back(store::to_value(approval));
      value.set("approvals", std::move(approval_list));
      terminal.print(doc::to_json(value, 2) + "\n");
      return ExitCode::ok;
    }
    print_head(run, steps, terminal);
    print_approvals(asked, terminal);
    std::vector<std::vector<std::string>> rows{{"STAGE", "STEP", "STATE", "TIME", ""}};
    for (const store::StageRecord& stage : stages) {
      rows.push_back(
          {stage.attempt > 1 ? fmt::format("{} (attempt {})", stage.id, stage.attempt) : stage.id,
           "", std::string(store::to_string(stage.state)), lasted(stage.started_at, stage.ended_at),
           ""});
      for (const store::StepRecord& step : steps) {
        if (step.stage_id != stage.id || step.attempt != stage.attempt) continue;
        rows.push_back({"", step.title, std::string(store::to_string(step.state)),
                        lasted(step.started_at, step.ended_at),
                        step.error.value_or(step.summary.value_or(""))});
      }
    }
    terminal.print(render_table(rows));
    return ExitCode::ok;
  }

  static Result<std::unique_ptr<store::ApprovalStore>> open_approvals(Session& session) {
    return store::ApprovalStore::open(session.paths().database(), os::make_system_clock());
  }

  // "running", or that it waits for people.
  static std::string state_text(const store::RunRecord& run,
                                const std::vector<store::ApprovalRecord>& pending) {
    const std::string state(store::to_string(run.state));
    for (const store::ApprovalRecord& approval : pending) {
      if (approval.run == run.id && run.state == store::RunState::running)
        return "waits for approval";
    }
    return state;
  }

  static void print_approvals(const std::vector<store::ApprovalRecord>& asked,
                              const Terminal& terminal) {
    for (const store::ApprovalRecord& approval : asked) {
      terminal.print(fmt::format("  {}: {}; {}\n", approval.environment, approval.summary,
                                 printable(store::describe(approval))));
      if (approval.state == store::ApprovalState::pending) {
        terminal.print(fmt::format("    'aphex approve {}' shows it and decides\n", approval.run));
      }
    }
    if (!asked.empty()) terminal.print("\n");
  }

  static void print_head(const store::RunRecord& run, const std::vector<store::StepRecord>& steps,
                         const Terminal& terminal) {
    std::string head =
        fmt::format("run {} of {}: {}\n  commit  {}{} {}\n  author  {}\n  started {}  took {}\n",
                    run.id, run.pipeline,
                    styled(store::to_string(run.state), style_of(run.state), terminal.out_colour()),
                    run.commit_sha, is_of_worktree(run) ? " with changes of the working tree," : "",
                    first_line(run.message), run.author,
                    store::time_text(run.started_at.value_or(run.created_at)), worked(run, steps));
    if (run.restarted_from) {
      head += fmt::format("  goes on from run {}, under a new plan\n", *run.restarted_from);
    }
    if (run.failure) {
      head += fmt::format("  error   {}\n", run.failure->message);
      if (!run.failure->hint.empty()) head += fmt::format("  hint    {}\n", run.failure->hint);
    }
    terminal.print(head + "\n");
  }

  std::string run_, pipeline_, state_filter_, commit_, limit_;
  std::string format_ = "text";
  bool all_ = false;
  StateOption state_;
};

}  // namespace

std::unique_ptr<Subcommand> make_runs() {
  return std::make_unique<Runs>();
}

}  // namespace aphex::cli
