// Which stacks run when: order, width, failure, cancellation.
#include "engine/deploy_schedule.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace aphex::engine {
namespace {

using testing::ElementsAre;

// Sees who runs beside whom.
class Watch {
 public:
  void enter(std::size_t task) {
    const std::lock_guard lock(mutex_);
    begun_.push_back(task);
    widest_ = std::max(widest_, ++running_);
  }
  void leave(std::size_t task) {
    const std::lock_guard lock(mutex_);
    ended_.push_back(task);
    --running_;
  }
  std::size_t widest() const { return widest_; }
  const std::vector<std::size_t>& begun() const { return begun_; }
  bool has_ended(std::size_t task) {
    const std::lock_guard lock(mutex_);
    return std::find(ended_.begin(), ended_.end(), task) != ended_.end();
  }

 private:
  std::mutex mutex_;
  std::vector<std::size_t> begun_;
  std::vector<std::size_t> ended_;
  std::size_t running_ = 0;
  std::size_t widest_ = 0;
};

// Holds tasks until so many have come, so that a test sees them side by side without waiting.
class Gate {
 public:
  explicit Gate(std::size_t count) : missing_(count) {}
  void arrive() {
    std::unique_lock lock(mutex_);
    if (missing_ > 0) --missing_;
    arrived_.notify_all();
    arrived_.wait_for(lock, std::chrono::seconds(10), [&] { return missing_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::size_t missing_;
};

Schedule schedule(Needs needs, std::size_t max_parallel) {
  auto order = topological_order(needs);
  return {.order = *order, .needs = std::move(needs), .max_parallel = max_parallel, .cancel = {}};
}

TEST(RunSchedule, RunsIndependentTasksSideBySideWithinTheBound) {
  Watch watch;
  Gate both(2);
  const auto states =
      run_schedule(schedule({{}, {0}, {0}, {1, 2}}, 2), [&](std::size_t task) -> Status {
        watch.enter(task);
        if (task == 1 || task == 2) both.arrive();
        watch.leave(task);
        return {};
      });
  EXPECT_THAT(states,
              ElementsAre(TaskState::done, TaskState::done, TaskState::done, TaskState::done));
  EXPECT_EQ(watch.widest(), 2U);
}

TEST(RunSchedule, KeepsTheOrderOfTheFileWhereOnlyOneMayRun) {
  Watch watch;
  run_schedule(schedule({{}, {}, {}, {}}, 1), [&](std::size_t task) -> Status {
    watch.enter(task);
    watch.leave(task);
    return {};
  });
  EXPECT_THAT(watch.begun(), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(watch.widest(), 1U);
}

TEST(RunSchedule, StartsNothingAfterAFailureButLetsTheRunningFinish) {
  Watch watch;
  Gate both(2);
  // 0 fails while 1 runs; 2 needs nothing but comes later, 3 needs 1.
  const auto states = run_schedule(schedule({{}, {}, {}, {1}}, 2), [&](std::size_t task) -> Status {
    watch.enter(task);
    if (task <= 1) both.arrive();
    if (task == 0) return fail(ErrorCode::deploy_failed, "no");
    // The one beside it ends only after the failure is known.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    watch.leave(task);
    return {};
  });
  EXPECT_THAT(states, ElementsAre(TaskState::failed, TaskState::done, TaskState::not_started,
                                  TaskState::not_started));
}

TEST(RunSchedule, StartsNothingOnceCancelled) {
  os::CancelSource source;
  Schedule plan = schedule({{}, {}, {}}, 1);
  plan.cancel = source.token();
  const auto states = run_schedule(plan, [&](std::size_t) -> Status {
    source.cancel("SIGINT");
    return {};
  });
  EXPECT_THAT(states, ElementsAre(TaskState::done, TaskState::not_started, TaskState::not_started));
}

RC_GTEST_PROP(RunSchedule, NeverStartsATaskBeforeWhatItNeeds, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(0, 24);
  Needs needs(count);
  for (std::size_t i = 1; i < count; ++i) {
    needs[i] = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, i));
  }
  const auto width = *rc::gen::inRange<std::size_t>(1, 6);
  Watch watch;
  std::atomic<bool> early = false;
  const auto states = run_schedule(schedule(needs, width), [&](std::size_t task) -> Status {
    watch.enter(task);
    for (std::size_t need : needs[task])
      early = early || !watch.has_ended(need);
    watch.leave(task);
    return {};
  });
  RC_ASSERT(!early);
  RC_ASSERT(watch.widest() <= width);
  RC_ASSERT(std::all_of(states.begin(), states.end(),
                        [](TaskState state) { return state == TaskState::done; }));
}

}  // namespace
}  // namespace aphex::engine
