#include <fstream>
#include <map>

#include <fmt/format.h>

#include "cli/session.hpp"
#include "cli/subcommands.hpp"
#include "engine/run_queue.hpp"

namespace aphex::cli {
namespace {

constexpr std::chrono::milliseconds kFollowPoll{200};

// Prints what a growing file has that was not printed yet.
class Tail {
 public:
  void print_new(const std::filesystem::path& path, const Terminal& terminal) {
    std::ifstream file(path, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset_));
    std::string chunk(64U << 10U, '\0');
    while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
           file.gcount() > 0) {
      const auto count = static_cast<std::size_t>(file.gcount());
      terminal.print(std::string_view(chunk).substr(0, count));
      offset_ += count;
    }
  }

 private:
  std::size_t offset_ = 0;
};

class Logs final : public Subcommand {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("RUN", run_, "its number (default: the latest run here)");
    arguments.option("--stage", "ID", stage_, "only of this stage: build, deploy-dev, …");
    arguments.option("--step", "ID", step_, "only of this step");
    arguments.flag("--failed", failed_, "only of steps that failed");
    arguments.flag("-f,--follow", follow_, "go on until the run ends");
    state_.declare(arguments);
  }

  Result<ExitCode> run(const Terminal& terminal) override {
    APHEX_TRY(const std::unique_ptr<Session> session, Session::open(state_));
    APHEX_TRY(const store::RunRecord run, session->find_run(run_));
    os::CancelSource source;
    const os::SignalGuard signals(source);
    const std::unique_ptr<os::Clock> clock = os::make_system_clock();
    while (true) {
      // Read before the logs: what is written until then is printed in this round.
      APHEX_TRY(const store::RunRecord now, session->database().run(run.id));
      APHEX_TRY(const std::vector<store::StepRecord> steps, session->database().steps(run.id));
      print_steps(steps, session->paths().run(run.id), terminal);
      if (!follow_ || store::is_finished(now.state)) break;
      if (clock->sleep(kFollowPoll, source.token()) == os::Clock::Wake::cancelled) {
        return ExitCode::interrupted;
      }
      APHEX_CHECK(engine::mark_interrupted(session->database(), session->paths()));
    }
    if (tails_.empty()) return nothing_matched(run.id, terminal);
    return ExitCode::ok;
  }

 private:
  void print_steps(const std::vector<store::StepRecord>& steps,
                   const std::filesystem::path& directory, const Terminal& terminal) {
    for (const store::StepRecord& step : steps) {
      if (!stage_.empty() && step.stage_id != stage_) continue;
      if (!step_.empty() && step.id != step_) continue;
      if (failed_ && step.state != store::WorkState::failed) continue;
      const auto [tail, is_new] = tails_.try_emplace(step.log);
      if (is_new) {
        terminal.print(
            styled(fmt::format("== {}{}: {}\n", step.stage_id,
                               step.attempt > 1 ? fmt::format(" (attempt {})", step.attempt) : "",
                               step.title),
                   Style::bold, terminal.out_colour()));
      }
      tail->second.print_new(directory / step.log, terminal);
    }
  }

  Result<ExitCode> nothing_matched(std::int64_t run, const Terminal& terminal) const {
    std::string what = failed_ ? "failed step" : "step";
    if (!step_.empty()) what += fmt::format(" '{}'", step_);
    if (!stage_.empty()) what += fmt::format(" of a stage '{}'", stage_);
    if (stage_.empty() && step_.empty()) {
      terminal.progress(fmt::format("run {} has no {}\n", run, what));
      return ExitCode::ok;
    }
    return fail(
        ErrorCode::not_found, fmt::format("run {} has no {}", run, what),
        fmt::format("'aphex runs {}' shows its stages; 'aphex runs {} --format json' the ids "
                    "of its steps",
                    run, run));
  }

  std::string run_, stage_, step_;
  bool failed_ = false;
  bool follow_ = false;
  StateOption state_;
  std::map<std::string, Tail> tails_;  // by log
};

}  // namespace

std::unique_ptr<Subcommand> make_logs() {
  return std::make_unique<Logs>();
}

}  // namespace aphex::cli
