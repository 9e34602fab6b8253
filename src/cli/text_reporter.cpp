#include <deque>
#include <mutex>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/progress_line.hpp"
#include "cli/reporter.hpp"

namespace aphex::cli {
namespace {

// What a failed step shows again when its output was not shown.
constexpr std::size_t kTailLines = 40;

class TextReporter final : public engine::RunObserver {
 public:
  TextReporter(const Terminal& terminal, Verbosity verbosity)
      : terminal_(terminal), verbosity_(verbosity), line_(terminal) {}

  void run_started(const engine::RunStarted& run) override {
    const std::string message(trim(
        std::string_view(run.parameters.message).substr(0, run.parameters.message.find('\n'))));
    line_.print(
        fmt::format("{} {}: {}{}{}\n", style("run", Style::bold),
                    style(fmt::format("{} of {}", run.id, run.plan.pipeline), Style::bold),
                    run.parameters.commit_sha.substr(0, 12),
                    run.parameters.branch.empty() ? "" : " on " + run.parameters.branch,
                    message.empty() ? "" : ", \"" + printable(utf8_substr(message, 0, 60)) + "\""));
    stages_.clear();
  }

  void stage_started(const plan::Stage& stage, int attempt) override {
    line_.print(fmt::format("\n{}{}\n", style(stage.id, Style::bold),
                            attempt > 1 ? fmt::format(" (attempt {})", attempt) : ""));
  }

  void stage_reused(const plan::Stage& stage) override {
    stages_.push_back({stage.id, "done before", ""});
    line_.print(fmt::format("\n{}  done before\n", style(stage.id, Style::bold)));
  }

  void step_started(const plan::Stage& stage, const plan::Step& step) override {
    tail_.clear();
    const bool command = std::holds_alternative<plan::RunCommand>(step.body);
    if (command && verbosity_ == Verbosity::normal) {
      line_.print(style("  $ " + step.title, Style::blue) + "\n");
    }
    line_.show(stage.id + ": " + step.title);
  }

  void output(const plan::Stage& stage, std::string_view source, std::string_view line) override {
    const std::string text =
        source.empty()
            ? fmt::format("{}{}", style("    " + stage.id + " │ ", Style::dim), line)
            : fmt::format("{}{}", style(fmt::format("    {} │ ", source), Style::dim), line);
    if (verbosity_ == Verbosity::normal) {
      line_.print(text + "\n");
      return;
    }
    tail_.push_back(text);
    if (tail_.size() > kTailLines) tail_.pop_front();
  }

  void note(const plan::Stage& /*stage*/, std::string_view line) override {
    if (verbosity_ == Verbosity::quiet) return;
    line_.print(style(fmt::format("    {}", line), Style::dim) + "\n");
  }

  void step_finished(const engine::StepFinished& step) override {
    line_.show("");
    std::string mark = style("✓", Style::green);
    if (step.state == store::WorkState::skipped) mark = style("·", Style::dim);
    if (step.error != nullptr) {
      mark = style("✗", Style::red);
      for (const std::string& line : tail_)
        line_.print(line + "\n");
    }
    std::string detail(step.summary);
    if (step.error != nullptr) detail = style(describe(*step.error), Style::red);
    line_.print(fmt::format("  {} {}  {}{}{}\n", mark, step.step.title,
                            style(human_duration(step.duration.count()), Style::dim),
                            detail.empty() ? "" : "  ", detail));
  }

  void stage_finished(const engine::StageFinished& stage) override {
    stages_.push_back({stage.stage.id, std::string(store::to_string(stage.state)),
                       human_duration(stage.duration.count())});
  }

  void run_finished(const engine::RunFinished& run) override {
    std::vector<std::vector<std::string>> rows{{"STAGE", "RESULT", "TIME"}};
    rows.insert(rows.end(), stages_.begin(), stages_.end());
    const bool good = run.state == store::RunState::succeeded;
    const Style colour = good                                        ? Style::green
                         : run.state == store::RunState::handed_over ? Style::yellow
                                                                     : Style::red;
    line_.print(
        fmt::format("\n{}\n{} in {}\n", render_table(rows),
                    style(fmt::format("run {} {}", run.id, store::to_string(run.state)), colour),
                    human_duration(run.duration.count())));
    stages_.clear();
  }

  void message(std::string_view text) override { line_.print(style(text, Style::yellow) + "\n"); }

 private:
  std::string style(std::string_view text, Style style) const {
    return styled(text, style, terminal_.err_colour());
  }

  const Terminal& terminal_;
  Verbosity verbosity_;
  ProgressLine line_;
  std::vector<std::vector<std::string>> stages_;
  std::deque<std::string> tail_;
};

}  // namespace

std::unique_ptr<engine::RunObserver> make_text_reporter(const Terminal& terminal,
                                                        Verbosity verbosity) {
  return std::make_unique<TextReporter>(terminal, verbosity);
}

}  // namespace aphex::cli
