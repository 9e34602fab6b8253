#pragma once
// A run for tests: real processes and files in a temporary directory, a clock that does not wait,
// and an observer that writes down what it is told.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/fake_step.hpp"
#include "engine/run_engine.hpp"
#include "os/process.hpp"

namespace aphex::engine {

class RecordingObserver final : public RunObserver {
 public:
  void run_started(const RunStarted& run) override;
  void stage_started(const plan::Stage& stage, int attempt) override;
  void stage_reused(const plan::Stage& stage) override;
  void step_started(const plan::Stage& stage, const plan::Step& step) override;
  void output(const plan::Stage& stage, std::string_view source, std::string_view line) override;
  void note(const plan::Stage& stage, std::string_view line) override;
  void step_finished(const StepFinished& step) override;
  void stage_finished(const StageFinished& stage) override;
  void run_finished(const RunFinished& run) override;
  void message(std::string_view text) override;

  std::vector<std::string> lines() const;
  std::vector<std::string> take();  // and forgets them

 private:
  void add(std::string line);
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;  // guarded by mutex_
};

// A stage of build commands, which need neither AWS nor artifacts.
plan::Stage command_stage(std::string id, const std::vector<std::string>& commands);
plan::Plan command_plan(std::vector<plan::Stage> stages);

class FakeRun {
 public:
  FakeRun();

  RunEngine engine() { return RunEngine({paths, *database, *services, observer}); }
  RunRequest request(plan::Plan plan) const;
  // An empty working copy, as the validate stage would leave it.
  void prepare_working_copy(std::int64_t run) const;
  std::vector<std::string> stage_states(std::int64_t run) const;  // "build succeeded"
  std::string log(std::int64_t run, const std::string& file) const;
  const std::filesystem::path& root() const { return directory_.path(); }

 private:
  os::TemporaryDirectory directory_;
  std::unique_ptr<os::ProcessRunner> processes_ = os::make_process_runner();

 public:
  StatePaths paths;
  std::shared_ptr<os::FakeClock> clock = std::make_shared<os::FakeClock>();
  std::unique_ptr<store::RunDatabase> database;
  std::shared_ptr<aws::FakeHttpClient> http = std::make_shared<aws::FakeHttpClient>();
  std::unique_ptr<store::ArtifactStore> artifacts;
  FakePlanStore plans;
  FakeApprovalGate approvals;
  SecretMasker secrets;
  RecordingObserver observer;
  std::unique_ptr<Services> services;

 private:
  store::DependencyCache dependencies_;
};

}  // namespace aphex::engine
