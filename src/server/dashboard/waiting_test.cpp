#include "server/dashboard/waiting.hpp"

#include <gtest/gtest.h>

namespace aphex::server {
namespace {

QueueEntry entry(std::int64_t number, const std::string& pipeline,
                 QueueState state = QueueState::waiting) {
  QueueEntry made;
  made.number = number;
  made.pipeline = pipeline;
  made.state = state;
  made.commit = std::string(40, 'a');
  return made;
}

// Of one branch with a pipeline of its own.
QueueEntry of_branch(std::int64_t number) {
  QueueEntry made = entry(number, "app");
  made.branch_id = "feature-a-0123456789";
  return made;
}

QueueEntry of_pull_request(std::int64_t number, std::int64_t request) {
  QueueEntry made = entry(number, "app");
  made.pull_request = request;
  return made;
}

TEST(WhyItWaits, TheOneBeforeItInItsOwnLane) {
  const QueueEntry running = entry(1, "app", QueueState::running);
  const QueueEntry second = entry(2, "app");
  const QueueEntry third = entry(3, "app");
  EXPECT_EQ(why_it_waits(second, {.open = {running, second, third}, .max_runs = 2}),
            "aaaaaaaaaaaa of this pipeline runs");
  EXPECT_EQ(why_it_waits(third, {.open = {second, third}, .max_runs = 2}),
            "aaaaaaaaaaaa of this pipeline waits before it");
}

TEST(WhyItWaits, WhatWaitsForApprovalHoldsItsLaneAndNoPlace) {
  QueueEntry asking = entry(1, "app", QueueState::running);
  asking.asks = true;
  const QueueEntry own = entry(2, "app");
  const QueueEntry other = entry(3, "lib");
  const QueueSight sight{.open = {asking, own, other}, .max_runs = 1};
  EXPECT_EQ(why_it_waits(own, sight), "aaaaaaaaaaaa of this pipeline waits for approval");
  EXPECT_EQ(why_it_waits(other, sight), "it starts in a moment");
}

TEST(WhyItWaits, BranchesAndPullRequestsHaveLanesOfTheirOwn) {
  const QueueEntry main = entry(1, "app", QueueState::running);
  const QueueEntry branch = of_branch(2);
  const QueueEntry later = of_branch(3);
  const QueueEntry request = of_pull_request(4, 7);
  const QueueEntry next = of_pull_request(5, 8);
  const QueueSight sight{.open = {main, branch, later, request, next}, .max_runs = 1};
  EXPECT_EQ(why_it_waits(branch, sight), "1 run executes, as many as maxRuns allows");
  EXPECT_EQ(why_it_waits(later, sight), "aaaaaaaaaaaa of this branch waits before it");
  EXPECT_EQ(why_it_waits(request, sight), "1 run executes, as many as maxRuns allows");
  EXPECT_EQ(why_it_waits(next, sight), "aaaaaaaaaaaa of pull request 7 waits before it");
}

TEST(WhyItWaits, TheDispatchersOwnReasonsComeBeforeTheNumberOfRuns) {
  const QueueEntry running = entry(1, "lib", QueueState::running);
  QueueEntry branch = of_branch(2);
  branch.note = "waits until another branch of app is deleted";
  QueueSight sight{.open = {running, branch}, .max_runs = 1};
  EXPECT_EQ(why_it_waits(branch, sight), branch.note);
  sight.paused = "paused: disk, 1 MB are free";
  EXPECT_EQ(why_it_waits(branch, sight), "paused: disk, 1 MB are free");
}

TEST(WhyItWaits, RunsOfOthersAreCounted) {
  const QueueEntry one = entry(1, "a", QueueState::running);
  const QueueEntry two = entry(2, "b", QueueState::running);
  const QueueEntry waiting = entry(3, "c");
  QueueSight sight{.open = {one, two, waiting}, .max_runs = 2};
  EXPECT_EQ(why_it_waits(waiting, sight), "2 runs execute, as many as maxRuns allows");
  sight.max_runs = 3;
  EXPECT_EQ(why_it_waits(waiting, sight), "it starts in a moment");
}

}  // namespace
}  // namespace aphex::server
