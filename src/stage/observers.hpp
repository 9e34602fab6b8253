#pragma once
// Who watches a stage in a pod beside its log.

#include <filesystem>
#include <vector>

#include "engine/run_observer.hpp"

namespace aphex::stage {

// Tells each of several, in their order. They outlive it.
class ObserverGroup final : public engine::RunObserver {
 public:
  explicit ObserverGroup(std::vector<engine::RunObserver*> members)
      : members_(std::move(members)) {}

  void run_started(const engine::RunStarted& run) override {
    for (auto* each : members_)
      each->run_started(run);
  }
  void stage_started(const plan::Stage& stage, int attempt) override {
    for (auto* each : members_)
      each->stage_started(stage, attempt);
  }
  void stage_reused(const plan::Stage& stage) override {
    for (auto* each : members_)
      each->stage_reused(stage);
  }
  void step_started(const plan::Stage& stage, const plan::Step& step) override {
    for (auto* each : members_)
      each->step_started(stage, step);
  }
  void output(const plan::Stage& stage, std::string_view source, std::string_view line) override {
    for (auto* each : members_)
      each->output(stage, source, line);
  }
  void note(const plan::Stage& stage, std::string_view line) override {
    for (auto* each : members_)
      each->note(stage, line);
  }
  void step_finished(const engine::StepFinished& step) override {
    for (auto* each : members_)
      each->step_finished(step);
  }
  void stage_finished(const engine::StageFinished& stage) override {
    for (auto* each : members_)
      each->stage_finished(stage);
  }
  void run_finished(const engine::RunFinished& run) override {
    for (auto* each : members_)
      each->run_finished(run);
  }
  void message(std::string_view text) override {
    for (auto* each : members_)
      each->message(text);
  }

 private:
  std::vector<engine::RunObserver*> members_;
};

// Argo's progress of a pod: "N/M" in the file that ARGO_PROGRESS_FILE names, steps done of all.
// A file that cannot be written costs nobody their deployment.
class ProgressFile final : public engine::QuietObserver {
 public:
  explicit ProgressFile(std::filesystem::path file) : file_(std::move(file)) {}
  void stage_started(const plan::Stage& stage, int attempt) override;
  void step_finished(const engine::StepFinished& step) override;
  void stage_finished(const engine::StageFinished& stage) override;

 private:
  void write() const;
  std::filesystem::path file_;
  std::size_t done_ = 0;
  std::size_t all_ = 0;
};

// What the metrics need to know of a stage.
class StageTally final : public engine::QuietObserver {
 public:
  void step_finished(const engine::StepFinished& step) override;
  std::uint64_t uploaded_bytes() const { return uploaded_bytes_; }

 private:
  std::uint64_t uploaded_bytes_ = 0;
};

}  // namespace aphex::stage
