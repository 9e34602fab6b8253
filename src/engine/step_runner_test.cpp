#include "engine/step_runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_run.hpp"

namespace aphex::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const os::CancelToken kNever;

// Fails so many times in the given way, then knows of nothing.
class FailingStore final : public store::ArtifactStore {
 public:
  FailingStore(int failures, Retry retry) : failures_(failures), retry_(retry) {}
  std::string location() const override { return "s3://bucket"; }
  Result<store::BlobInfo> put_file(const std::string&, const std::filesystem::path&,
                                   const os::CancelToken&) override {
    return fail(ErrorCode::internal, "not expected");
  }
  Result<store::BlobInfo> get_file(const std::string&, const std::filesystem::path&,
                                   const os::CancelToken&) override {
    ++calls;
    if (calls > failures_) return fail(ErrorCode::not_found, "nothing there");
    Error error;
    error.code = ErrorCode::unavailable;
    error.message = "SlowDown";
    error.retry = retry_;
    return fail(std::move(error));
  }
  Result<store::BlobInfo> head(const std::string&) override {
    return fail(ErrorCode::internal, "not expected");
  }
  Result<std::vector<store::BlobInfo>> list(const std::string&) override {
    return std::vector<store::BlobInfo>{};
  }
  Status remove(const std::string&) override { return {}; }

  int calls = 0;

 private:
  int failures_;
  Retry retry_;
};

class StepRunnerTest : public testing::Test {
 protected:
  // A run of one step that asks the store.
  RunOutcome run_with(FailingStore& store) {
    Services services{.processes = run_.services->processes,
                      .clock = run_.clock,
                      .http = run_.http,
                      .artifacts = store,
                      .dependencies = run_.services->dependencies,
                      .plans = run_.plans,
                      .approvals = run_.approvals,
                      .secrets = run_.secrets,
                      .environment = run_.services->environment,
                      .aws = run_.services->aws};
    plan::Stage stage = command_stage("build", {});
    stage.steps.push_back({"find", "look for this commit's artifacts", plan::FindArtifacts{}});
    RunEngine engine({run_.paths, *run_.database, services, run_.observer});
    run_.prepare_working_copy(1);
    const auto outcome = engine.start(run_.request(command_plan({stage})), kNever);
    EXPECT_TRUE(outcome) << describe(outcome.error());
    return outcome.value_or(RunOutcome{});
  }
  store::RunState run_commands(const std::vector<std::string>& commands) {
    run_.prepare_working_copy(1);
    const auto outcome =
        run_.engine().start(run_.request(command_plan({command_stage("build", commands)})), kNever);
    EXPECT_TRUE(outcome) << describe(outcome.error());
    return outcome ? outcome->state : store::RunState::failed;
  }

  FakeRun run_;
};

TEST(BackoffDelay, DoublesUpToHalfAMinute) {
  using std::chrono::milliseconds;
  EXPECT_EQ(backoff_delay(1, 1.0), milliseconds(1'000));
  EXPECT_EQ(backoff_delay(2, 1.0), milliseconds(2'000));
  EXPECT_EQ(backoff_delay(5, 1.0), milliseconds(16'000));
  EXPECT_EQ(backoff_delay(6, 1.0), milliseconds(30'000));
  EXPECT_EQ(backoff_delay(60, 1.0), milliseconds(30'000));
}

TEST(BackoffDelay, IsSpreadEvenlyFromNothing) {
  using std::chrono::milliseconds;
  EXPECT_EQ(backoff_delay(3, 0.0), milliseconds(0));
  EXPECT_EQ(backoff_delay(3, 0.5), milliseconds(2'000));
}

TEST_F(StepRunnerTest, TriesATransientFailureAgain) {
  FailingStore store(2, Retry::retryable);

  EXPECT_EQ(run_with(store).state, store::RunState::succeeded);

  EXPECT_EQ(store.calls, 3);
  EXPECT_EQ(run_.database->steps(1)->front().tries, 3);
  EXPECT_THAT(run_.observer.lines(),
              Contains(testing::StartsWith("# attempt 1 of 4 failed: SlowDown; again in ")));
}

TEST_F(StepRunnerTest, GivesUpAfterFourAttempts) {
  FailingStore store(100, Retry::retryable);

  EXPECT_EQ(run_with(store).state, store::RunState::failed);
  EXPECT_EQ(store.calls, 4);
}

TEST_F(StepRunnerTest, DoesNotTryATerminalFailureAgain) {
  FailingStore store(100, Retry::terminal);

  EXPECT_EQ(run_with(store).state, store::RunState::failed);
  EXPECT_EQ(store.calls, 1);
}

TEST_F(StepRunnerTest, MasksSecretsInLogsRecordsAndBeforeWatchers) {
  run_.secrets.add("hunter2-hunter2");

  EXPECT_EQ(run_commands({"echo hunter2-hunter2; exit 3"}), store::RunState::failed);

  EXPECT_EQ(run_.log(1, "build.1/01-build-1.log"),
            "***\n# failed: build command failed with exit code 3\n");
  EXPECT_THAT(run_.observer.lines(), Contains("$ echo ***; exit 3"));
  EXPECT_THAT(run_.observer.lines(), testing::Each(testing::Not(HasSubstr("hunter2"))));
  const auto step = run_.database->steps(1)->front();
  EXPECT_EQ(step.title, "echo ***; exit 3");
  EXPECT_EQ(step.exit_code, 3);
  EXPECT_THAT(run_.database->run(1)->failure->message, testing::Not(HasSubstr("hunter2")));
}

TEST_F(StepRunnerTest, GivesEachStepALogOfItsOwn) {
  EXPECT_EQ(run_commands({"echo one", "echo two >&2"}), store::RunState::succeeded);

  EXPECT_EQ(run_.log(1, "build.1/01-build-1.log"), "one\n");
  EXPECT_EQ(run_.log(1, "build.1/02-build-2.log"), "two\n");
  const auto steps = run_.database->steps(1);
  ASSERT_TRUE(steps);
  EXPECT_EQ(steps->at(1).log, "logs/build.1/02-build-2.log");
}

}  // namespace
}  // namespace aphex::engine
