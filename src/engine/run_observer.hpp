#pragma once
// Who watches a run: the terminal, JSON logs, later the dashboard. Calls come from the engine's
// threads, one at a time. Text is already masked.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/run_parameters.hpp"
#include "plan/plan.hpp"
#include "store/run_records.hpp"

namespace aphex::engine {

struct RunStarted {
  std::int64_t id;
  const plan::Plan& plan;
  const RunParameters& parameters;
};

struct StepFinished {
  const plan::Stage& stage;
  const plan::Step& step;
  store::WorkState state;
  std::string_view summary;
  std::chrono::milliseconds duration;
  const Error* error;  // null unless it failed
  std::uint64_t uploaded_bytes = 0;
};

struct StageFinished {
  const plan::Stage& stage;
  store::WorkState state;
  std::chrono::milliseconds duration;
};

struct RunFinished {
  std::int64_t id;
  store::RunState state;
  std::chrono::milliseconds duration;
  const Error* error;  // null unless it failed
};

class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void run_started(const RunStarted& run) = 0;
  virtual void stage_started(const plan::Stage& stage, int attempt) = 0;
  virtual void stage_reused(const plan::Stage& stage) = 0;  // finished in an earlier attempt
  virtual void step_started(const plan::Stage& stage, const plan::Step& step) = 0;
  // A program's line (source may be empty) or a note of ours.
  virtual void output(const plan::Stage& stage, std::string_view source, std::string_view line) = 0;
  virtual void note(const plan::Stage& stage, std::string_view line) = 0;
  virtual void step_finished(const StepFinished& step) = 0;
  virtual void stage_finished(const StageFinished& stage) = 0;
  virtual void run_finished(const RunFinished& run) = 0;
  // Outside any stage: waiting for a turn, interrupted runs found, the hand-over.
  virtual void message(std::string_view text) = 0;
};

// One that looks at some of the events only.
class QuietObserver : public RunObserver {
 public:
  void run_started(const RunStarted&) override {}
  void stage_started(const plan::Stage&, int) override {}
  void stage_reused(const plan::Stage&) override {}
  void step_started(const plan::Stage&, const plan::Step&) override {}
  void output(const plan::Stage&, std::string_view, std::string_view) override {}
  void note(const plan::Stage&, std::string_view) override {}
  void step_finished(const StepFinished&) override {}
  void stage_finished(const StageFinished&) override {}
  void run_finished(const RunFinished&) override {}
  void message(std::string_view) override {}
};

}  // namespace aphex::engine
