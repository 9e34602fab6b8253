#include "engine/run_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_run.hpp"

namespace aphex::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

class RunQueueTest : public testing::Test {
 protected:
  // A run that waits or goes, owned by us as long as the lock lives.
  os::FileLock owned_run(const std::string& pipeline) {
    std::optional<os::FileLock> owner;
    store::NewRun run;
    run.pipeline = pipeline;
    run.stages = {{"build", "build"}};
    const auto id = run_.database->create_run(run, [&](std::int64_t created) -> Status {
      const RunPaths paths{run_.paths.run(created)};
      APHEX_CHECK(os::make_directories(paths.root));
      APHEX_TRY(owner, os::FileLock::try_acquire(paths.owner_lock()));
      return {};
    });
    EXPECT_TRUE(id);
    return std::move(*owner);
  }
  Result<os::FileLock> wait(std::int64_t run, const os::CancelToken& cancel = {}) {
    return wait_for_turn(*run_.database, run_.paths, {run, "archon"}, run_.observer, clock_,
                         cancel);
  }

  // Cancels after so many sleeps: a wait that would never end.
  class ImpatientClock final : public os::Clock {
   public:
    os::WallTime now() const override { return {}; }
    std::chrono::steady_clock::time_point steady() const override { return {}; }
    Wake sleep(std::chrono::milliseconds, const os::CancelToken&) override {
      if (++sleeps == 3 && on_third) on_third();
      return Wake::elapsed;
    }
    int sleeps = 0;
    std::function<void()> on_third;
  };

  FakeRun run_;
  ImpatientClock clock_;
};

TEST_F(RunQueueTest, TheOnlyRunGoesAtOnce) {
  const os::FileLock owner = owned_run("archon");

  EXPECT_TRUE(wait(1));
  EXPECT_THAT(run_.observer.lines(), IsEmpty());
}

TEST_F(RunQueueTest, AnOlderLivingRunGoesFirst) {
  std::optional<os::FileLock> first = owned_run("archon");
  const os::FileLock second = owned_run("archon");
  clock_.on_third = [&first] { first.reset(); };

  EXPECT_TRUE(wait(2)) << "it goes once the first one's process is gone";

  EXPECT_EQ(clock_.sleeps, 3);
  EXPECT_THAT(run_.observer.lines(), ElementsAre("waiting: run 1 of archon goes first",
                                                 "run 1 of archon was interrupted before it "
                                                 "began; 'aphex resume 1' goes on with it"));
  EXPECT_EQ(run_.database->run(1)->state, store::RunState::interrupted);
}

TEST_F(RunQueueTest, ARunOfAnotherPipelineIsNotWaitedFor) {
  const os::FileLock other = owned_run("shop");
  const os::FileLock own = owned_run("archon");

  EXPECT_TRUE(wait(2));
  EXPECT_EQ(clock_.sleeps, 0);
}

TEST_F(RunQueueTest, AYoungerRunIsNotWaitedFor) {
  const os::FileLock own = owned_run("archon");
  const os::FileLock younger = owned_run("archon");

  EXPECT_TRUE(wait(1));
}

TEST_F(RunQueueTest, AHeldLockIsWaitedForAlthoughNoRunIsListed) {
  const os::FileLock own = owned_run("archon");
  ASSERT_TRUE(os::make_directories(run_.paths.pipeline_lock("archon").parent_path()));
  auto held = os::FileLock::try_acquire(run_.paths.pipeline_lock("archon"));
  ASSERT_TRUE(held && *held);
  clock_.on_third = [&held] { held->reset(); };

  EXPECT_TRUE(wait(1));
  EXPECT_THAT(run_.observer.lines(), ElementsAre("waiting: another run of archon is going"));
}

TEST_F(RunQueueTest, AWaitCanBeCancelled) {
  const os::FileLock first = owned_run("archon");
  const os::FileLock second = owned_run("archon");
  os::CancelSource source;
  clock_.on_third = [&source] { source.cancel("SIGINT"); };

  const auto turn = wait(2, source.token());

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::cancelled);
}

TEST_F(RunQueueTest, ARunThatNobodyOwnsIsMarkedAndTold) {
  { const os::FileLock gone = owned_run("archon"); }
  const os::FileLock living = owned_run("archon");

  ASSERT_TRUE(recover_interrupted(*run_.database, run_.paths, run_.observer));

  EXPECT_EQ(run_.database->run(1)->state, store::RunState::interrupted);
  EXPECT_EQ(run_.database->run(2)->state, store::RunState::queued);
  EXPECT_THAT(run_.observer.lines(),
              ElementsAre("run 1 of archon was interrupted before it began; 'aphex resume 1' goes "
                          "on with it"));
}

TEST_F(RunQueueTest, LookingMarksWithoutAWord) {
  { const os::FileLock gone = owned_run("archon"); }

  ASSERT_TRUE(mark_interrupted(*run_.database, run_.paths));

  EXPECT_EQ(run_.database->run(1)->state, store::RunState::interrupted);
  EXPECT_THAT(run_.observer.lines(), IsEmpty());
}

}  // namespace
}  // namespace aphex::engine
