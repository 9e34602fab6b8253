#pragma once
// Everything that a step's code is given, for tests: programs and AWS are scripted, the clock
// stands still, files lie in a temporary directory.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "aws/fake_http.hpp"
#include "engine/step.hpp"
#include "os/clock.hpp"
#include "os/fake_process.hpp"
#include "os/files.hpp"

namespace aphex::engine {

class FakeStepLog final : public StepLog {
 public:
  void output(std::string_view source, std::string_view line) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::string(source) + "| " + std::string(line));
  }
  void note(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;  // guarded by mutex_
};

class FakePlanStore final : public PlanStore {
 public:
  Result<Change> update(const Update& update) override {
    if (refusal) return fail(*refusal);
    if (change) return *change;
    const std::string digest = plan::digest(update.plan);
    if (stored_digest == digest) return Change::unchanged;
    stored_digest = digest;
    return Change::replaced;
  }
  std::string stored_digest;     // empty: none yet
  std::optional<Change> change;  // answered instead
  std::optional<Error> refusal;  // before all
};

// Answers as told, and remembers what was asked.
class FakeApprovalGate final : public ApprovalGate {
 public:
  Result<StepOutcome> ask(const Question& question) override;
  Result<std::string> approved(StepContext& context, const std::string& environment) override;
  std::optional<Error> refusal;
  std::string asked_digest;     // of the last question; empty: none
  std::string approved_digest;  // empty: nothing was approved
};

class FixedCredentials final : public aws::CredentialsProvider {
 public:
  Result<aws::Credentials> get(const os::CancelToken&) override {
    return aws::Credentials{"AKIAEXAMPLE", "c2VjcmV0LWtleS1vZi10ZXN0cw==", "", std::nullopt};
  }
  std::string source() const override { return "environment variables"; }
};

// A plan with one environment, dev, in account 111122223333 and region us-east-1.
plan::Plan fake_plan(std::vector<config::Stack> stacks);

class FakeStep {
 public:
  explicit FakeStep(plan::Plan plan_of_run);

  // For a stage and a step of the given kind; valid as long as this object.
  StepContext& context(plan::StageKind kind, plan::StepBody body);
  const std::filesystem::path& root() const { return directory_.path(); }
  void write(const std::filesystem::path& file, std::string_view text) const;

  plan::Plan plan;
  RunParameters parameters;
  RunOptions options;
  RunPaths paths;
  os::FakeProcessRunner processes;
  std::shared_ptr<aws::FakeHttpClient> http = std::make_shared<aws::FakeHttpClient>();
  std::shared_ptr<os::FakeClock> clock = std::make_shared<os::FakeClock>();
  FakeStepLog log;
  FakePlanStore plans;
  FakeApprovalGate approvals;
  SecretMasker secrets;
  os::CancelSource cancel;
  std::unique_ptr<store::ArtifactStore> artifacts;

 private:
  os::TemporaryDirectory directory_;
  store::DependencyCache dependencies_;
  std::unique_ptr<Services> services_;
  plan::Stage stage_;
  plan::Step step_;
  std::unique_ptr<StepContext> context_;
};

// Answers as CloudFormation, STS and SSM write them.
std::string describe_stacks_answer(std::string_view name, std::string_view status);
std::string service_error_answer(std::string_view code, std::string_view message);

}  // namespace aphex::engine
