#include <fmt/format.h>
#include <unistd.h>

#include "cli/reporter.hpp"
#include "cli/subcommands.hpp"
#include "os/signals.hpp"
#include "stage/clone.hpp"
#include "stage/exit_handler.hpp"
#include "stage/run_stage.hpp"

namespace aphex::cli {
namespace {

class Stage final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments
        .option("--plan", "FILE", plan_,
                "execute the one stage of this plan, as the WorkflowTemplate embeds it")
        .completes = Completes::files;
    arguments.flag("--clone", clone_,
                   "clone the commit for the stage, and write a report that the stage reads");
    arguments.flag("--exit", exit_, "tell CloudWatch and SNS how the workflow ended");
    arguments
        .option("--settings", "FILE", settings_,
                fmt::format("settings of the pipeline's objects, for the stage that makes them "
                            "anew ({})",
                            argo::kSettingsFile))
        .completes = Completes::files;
    arguments
        .option("--work", "DIR", work_,
                fmt::format("the pod's volume: working copy, state, reports ({})", argo::kWorkDir))
        .completes = Completes::directories;
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    const int modes = (plan_.empty() ? 0 : 1) + (clone_ ? 1 : 0) + (exit_ ? 1 : 0);
    if (modes != 1) {
      return fail(ErrorCode::usage, "'aphex stage' needs one of --plan, --clone, --exit",
                  "'aphex stage --help' shows what each is for");
    }
    os::CancelSource source;
    const os::SignalGuard signals(source);
    if (clone_) return run_clone(terminal, source.token());
    const bool person = ::isatty(STDOUT_FILENO) == 1;
    const auto display = person ? make_text_reporter(terminal, Verbosity::normal) : nullptr;
    const stage::StageOutcome outcome = exit_ ? run_exit(terminal, display.get(), source.token())
                                              : run_plan(terminal, display.get(), source.token());
    if (outcome.error) terminal.error(*outcome.error);
    return static_cast<ExitCode>(outcome.exit_code);
  }

 private:
  stage::Layout layout() const {
    return work_.empty() ? stage::Layout{} : stage::Layout{std::filesystem::absolute(work_)};
  }

  stage::StageOutcome run_plan(const Terminal& terminal, engine::RunObserver* display,
                               const os::CancelToken& cancel) const {
    stage::StageCall call;
    call.environment = os::current_environment();
    call.plan_file = plan_;
    if (!settings_.empty()) call.settings_file = settings_;
    call.layout = layout();
    call.write = [&](std::string_view line) { terminal.print(std::string(line) + "\n"); };
    call.display = display;
    return stage::run_stage(call, cancel);
  }

  static stage::StageOutcome run_exit(const Terminal& terminal, engine::RunObserver* display,
                                      const os::CancelToken& cancel) {
    return stage::run_exit_handler(
        {.environment = os::current_environment(),
         .write = [&](std::string_view line) { terminal.print(std::string(line) + "\n"); },
         .display = display},
        cancel);
  }

  Result<ExitCode> run_clone(const Terminal& terminal, const os::CancelToken& cancel) const {
    const auto processes = os::make_process_runner();
    const auto clock = os::make_system_clock();
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return fail_errno("cannot tell where this program is", error.value());
    APHEX_CHECK(stage::clone_for_stage(
        {.processes = *processes,
         .clock = *clock,
         .environment = os::current_environment(),
         .program = program,
         .say = [&](std::string_view line) { terminal.print(std::string(line) + "\n"); }},
        layout(), cancel));
    return ExitCode::ok;
  }

  std::string plan_;
  std::string settings_;
  std::string work_;
  bool clone_ = false;
  bool exit_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> make_stage() {
  return std::make_unique<Stage>();
}

}  // namespace aphex::cli
