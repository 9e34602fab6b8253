// Whole runs: real commands, plans built by hand.
#include "engine/run_engine.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_run.hpp"
#include "engine/run_queue.hpp"

namespace aphex::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const os::CancelToken kNever;

class RunEngineTest : public testing::Test {
 protected:
  RunEngineTest() { run_.prepare_working_copy(1); }

  RunOutcome start(plan::Plan plan, const os::CancelToken& cancel = kNever) {
    Result<RunOutcome> outcome = run_.engine().start(run_.request(std::move(plan)), cancel);
    EXPECT_TRUE(outcome) << describe(outcome.error());
    return outcome.value_or(RunOutcome{});
  }
  std::filesystem::path file(const std::string& name) const { return run_.root() / name; }

  FakeRun run_;
};

TEST_F(RunEngineTest, ExecutesStagesAndStepsInTheirOrder) {
  const RunOutcome outcome = start(
      command_plan({command_stage("one", {"echo a", "echo b"}), command_stage("two", {"echo c"})}));

  EXPECT_EQ(outcome.state, store::RunState::succeeded);
  EXPECT_THAT(run_.observer.lines(),
              ElementsAre("run 1 started", "one started, attempt 1", "$ echo a", "> a", "$ echo b",
                          "> b", "one succeeded", "two started, attempt 1", "$ echo c", "> c",
                          "two succeeded", "run 1 succeeded"));
  EXPECT_THAT(run_.stage_states(1), ElementsAre("one succeeded", "two succeeded"));
  EXPECT_EQ(run_.log(1, "one.1/02-build-2.log"), "b\n");
}

TEST_F(RunEngineTest, AFailingStepEndsItsStageAndTheRun) {
  const RunOutcome outcome = start(command_plan(
      {command_stage("one", {"exit 7", "echo never"}), command_stage("two", {"echo never"})}));

  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.state, store::RunState::failed);
  EXPECT_EQ(describe(*outcome.error),
            "stage one failed: step 'exit 7': build command failed with exit code 7");
  EXPECT_THAT(run_.stage_states(1), ElementsAre("one failed", "two pending"));
  const auto record = run_.database->run(1);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->exit_code, 7);
  EXPECT_EQ(record->failure->code, "command_failed");
  EXPECT_THAT(run_.observer.lines(), testing::Not(Contains("> never")));
}

TEST_F(RunEngineTest, ResumingRedoesNoFinishedStage) {
  const std::string gate = file("gate").string();
  const auto plan = command_plan({command_stage("one", {"echo once"}),
                                  command_stage("two", {"echo again; [ -e " + gate + " ]"})});
  EXPECT_EQ(start(plan).state, store::RunState::failed);
  ASSERT_TRUE(os::write_file_atomic(gate, ""));
  run_.observer.take();

  const Result<RunOutcome> outcome = run_.engine().resume(1, kNever);

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->state, store::RunState::succeeded);
  EXPECT_THAT(run_.observer.lines(),
              ElementsAre("run 1 started", "one reused", "two started, attempt 2",
                          "$ echo again; [ -e " + gate + " ]", "> again", "two succeeded",
                          "run 1 succeeded"));
  EXPECT_EQ(run_.database->run(1)->failure, std::nullopt);
  EXPECT_EQ(run_.log(1, "two.2/01-build-1.log"), "again\n");
}

TEST_F(RunEngineTest, AFinishedRunIsNotResumed) {
  start(command_plan({command_stage("one", {"true"})}));

  const Result<RunOutcome> outcome = run_.engine().resume(1, kNever);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::usage);
  EXPECT_EQ(outcome.error().message, "run 1 is finished (succeeded)");
}

TEST_F(RunEngineTest, ASecondOwnerIsRefused) {
  start(command_plan({command_stage("one", {"false"})}));
  const auto owner = os::FileLock::try_acquire(RunPaths{run_.paths.run(1)}.owner_lock());
  ASSERT_TRUE(owner && *owner);

  const Result<RunOutcome> outcome = run_.engine().resume(1, kNever);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "run 1 is still going");
  EXPECT_EQ(outcome.error().hint, "'aphex logs 1 --follow' watches it");
}

TEST_F(RunEngineTest, AStageThatTakesTooLongFails) {
  plan::Plan plan = command_plan({command_stage("build", {"sleep 60"})});
  plan.stages[0].timeout = std::chrono::seconds(1);

  const RunOutcome outcome = start(plan);

  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, ErrorCode::timeout);
  EXPECT_EQ(outcome.error->message, "stage build took longer than its timeout of 1s");
  EXPECT_EQ(outcome.error->hint,
            "raise timeouts.build in the configuration, or make the stage faster");
  EXPECT_THAT(run_.stage_states(1), ElementsAre("build failed"));
}

TEST_F(RunEngineTest, ACancellationEndsTheRunAsCancelled) {
  os::CancelSource source;
  std::thread later([&source] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    source.cancel("SIGINT");
  });

  const RunOutcome outcome =
      start(command_plan({command_stage("one", {"sleep 60"}), command_stage("two", {"true"})}),
            source.token());
  later.join();

  EXPECT_EQ(outcome.state, store::RunState::cancelled);
  ASSERT_TRUE(outcome.error);
  EXPECT_THAT(describe(*outcome.error),
              HasSubstr("stage one was cancelled: step 'sleep 60': ended"));
  EXPECT_THAT(run_.stage_states(1), ElementsAre("one cancelled", "two pending"));
  EXPECT_TRUE(std::filesystem::exists(RunPaths{run_.paths.run(1)}.work()))
      << "a run that can be resumed keeps its working copy";
}

TEST_F(RunEngineTest, ASucceededRunKeepsNoWorkingCopy) {
  start(command_plan({command_stage("one", {"true"})}));
  EXPECT_FALSE(std::filesystem::exists(RunPaths{run_.paths.run(1)}.work()));
}

TEST_F(RunEngineTest, TheNextStartFindsARunWhoseProcessIsGone) {
  store::NewRun gone;
  gone.pipeline = "archon";
  gone.plan = doc::to_json(plan::to_value(command_plan({command_stage("one", {"true"})})));
  gone.options = to_json(RunOptions{});
  gone.stages = {{"one", "build"}};
  ASSERT_TRUE(run_.database->create_run(gone, [](std::int64_t) { return Status(); }));
  ASSERT_TRUE(run_.database->start_run(1));
  ASSERT_TRUE(run_.database->begin_stage(1, "one"));
  run_.prepare_working_copy(2);

  const RunOutcome outcome = start(command_plan({command_stage("one", {"true"})}));

  EXPECT_EQ(outcome.id, 2);
  EXPECT_THAT(run_.observer.lines(),
              Contains("run 1 of archon was interrupted in stage one; 'aphex resume 1' goes on "
                       "with it"));
  EXPECT_EQ(run_.database->run(1)->state, store::RunState::interrupted);
  EXPECT_THAT(run_.stage_states(1), ElementsAre("one interrupted"));
  // The success has superseded it: its working copy is gone, and is made again by a real plan's
  // steps.
  EXPECT_FALSE(std::filesystem::exists(RunPaths{run_.paths.run(1)}.work()));
  run_.prepare_working_copy(1);
  const Result<RunOutcome> resumed = run_.engine().resume(1, kNever);
  ASSERT_TRUE(resumed) << describe(resumed.error());
  EXPECT_EQ(resumed->state, store::RunState::succeeded);
}

// A configuration whose plan is never the one that is stored.
class RestartingRun : public RunEngineTest {
 protected:
  RestartingRun() {
    const std::string config =
        "version: \"1.0\"\nbuild: {commands: [make]}\nenvironments:\n  - name: dev\n"
        "    region: us-east-1\n    account: \"111122223333\"\n"
        "    stacks: [{name: A, path: lib/a.ts}]\n";
    for (const std::int64_t id : {1, 2}) {
      run_.prepare_working_copy(id);
      const std::filesystem::path work = RunPaths{run_.paths.run(id)}.work();
      EXPECT_TRUE(os::write_file_atomic(work / "aphex-config.yaml", config));
      EXPECT_TRUE(os::write_file_atomic(work / "lib/a.ts", ""));
    }
    plan_.stages.push_back({.id = "pipeline",
                            .kind = plan::StageKind::pipeline,
                            .environment = std::nullopt,
                            .needs = {},
                            .timeout = std::chrono::minutes(1),
                            .steps = {{"update", "update the pipeline", plan::UpdatePipeline{}}}});
    plan_.stages.push_back(command_stage("after", {"echo never"}));
    store::StoredPlan stored;
    stored.plan = doc::to_json(plan::to_value(plan_));
    EXPECT_TRUE(run_.database->replace_plan("archon", stored));
  }
  plan::Plan plan_ = command_plan({});
};

TEST_F(RestartingRun, IsEndedWhenItWouldRestartASecondTime) {
  const RunOutcome outcome = start(plan_);

  EXPECT_EQ(outcome.id, 2);
  EXPECT_EQ(outcome.state, store::RunState::failed);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->message,
            "the plan changed again after the run was already restarted for it");
  EXPECT_EQ(run_.database->run(1)->state, store::RunState::handed_over);
  EXPECT_EQ(run_.database->run(2)->restarted_from, 1);
  EXPECT_THAT(run_.observer.lines(), Contains("run 1 hands over to run 2 under the new plan"));
  EXPECT_THAT(run_.observer.lines(), testing::Not(Contains("> never")));
}

TEST_F(RestartingRun, DoesNotBuildAgainWhatItWasAskedToBuildAgain) {
  RunRequest request = run_.request(plan_);
  request.options.build = BuildMode::again;

  ASSERT_TRUE(run_.engine().start(request, kNever));

  const auto options = run_options_from(run_.database->run(2)->options);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->build, BuildMode::reuse);
  EXPECT_EQ(options->restarts, 1);
}

TEST(RunOptionsJson, IsReadBackAsItWasWritten) {
  RunOptions options;
  options.source = Source::worktree;
  options.clone_source = "/home/me/app";
  options.worktree = "/home/me/app";
  options.config_path = "deploy/aphex.yaml";
  options.aws = AwsTarget::sandbox;
  options.build = BuildMode::again;
  options.artifact_store = "s3://bucket/team";
  options.restarts = 1;

  const auto read = run_options_from(to_json(options));

  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(options));
  EXPECT_EQ(read->worktree, "/home/me/app");
  EXPECT_EQ(read->aws, AwsTarget::sandbox);
}

TEST(RunOptionsJson, OfAnotherVersionIsRefused) {
  const auto read = run_options_from(R"({"version": 2})");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::unsupported);
  EXPECT_EQ(read.error().message, "the run was recorded by another version of aphex");
}

}  // namespace
}  // namespace aphex::engine
