#include "server/dashboard/trends.hpp"

#include <gtest/gtest.h>

namespace aphex::server {
namespace {

using store::FinishedRun;
using store::FinishedStage;
using store::Millis;
using store::RunState;
using store::WorkState;

constexpr Millis kMinute = 60'000;
constexpr Millis kDay = 24 * 60 * kMinute;
// 2026-03-10T12:00:00Z
constexpr Millis kNow = 1'773'144'000'000;
constexpr Period kWeek{kNow, 7};

// Ends `days` before now; asked for an hour before its end.
FinishedRun run(std::int64_t id, int days, RunState state = RunState::succeeded) {
  const Millis end = kNow - days * kDay;
  return {id, state, "main", end - 60 * kMinute, end - 20 * kMinute, end};
}

FinishedStage stage(const FinishedRun& of, const std::string& id, int position,
                    WorkState state = WorkState::succeeded, Millis took = kMinute) {
  const std::string kind = id.substr(0, id.find('-'));
  return {of.id, id, kind, position, state, of.ended_at - took, of.ended_at};
}

TEST(Trends, OfNothingAreNothing) {
  const Trends trends = trends_of({}, {}, kWeek);
  ASSERT_EQ(trends.days.size(), 7U);
  EXPECT_EQ(trends.days.front().date, "2026-03-04");
  EXPECT_EQ(trends.days.back().date, "2026-03-10");
  EXPECT_EQ(trends.deployments, 0);
  EXPECT_FALSE(trends.lead_time.has_value());
  EXPECT_FALSE(trends.restore_time.has_value());
}

TEST(Trends, CancelledAndHandedOverRunsAreNeitherGoodNorBad) {
  const Trends trends =
      trends_of({run(1, 0), run(2, 0, RunState::failed), run(3, 1, RunState::interrupted),
                 run(4, 1, RunState::cancelled), run(5, 1, RunState::handed_over)},
                {}, kWeek);
  EXPECT_EQ(trends.succeeded, 1);
  EXPECT_EQ(trends.failed, 2);
  EXPECT_EQ(trends.days[6].succeeded, 1);
  EXPECT_EQ(trends.days[6].failed, 1);
  EXPECT_EQ(trends.days[5].failed, 1);
}

TEST(Trends, DeploymentsAreThoseToTheLastEnvironment) {
  const FinishedRun one = run(1, 2);
  const FinishedRun two = run(2, 1, RunState::failed);
  const Trends trends =
      trends_of({one, two},
                {stage(one, "deploy-dev", 3), stage(one, "deploy-prod", 5),
                 stage(two, "deploy-dev", 3), stage(two, "deploy-prod", 5, WorkState::failed)},
                kWeek);
  EXPECT_EQ(trends.environment, "prod");
  EXPECT_EQ(trends.deployments, 1);
  EXPECT_EQ(trends.failed_deployments, 1);
  EXPECT_EQ(trends.days[4].deployments, 1);
  EXPECT_EQ(trends.days[5].deployments, 0);
}

TEST(Trends, LeadTimeIsTheMedianFromTheWishToTheEndOfTheDeployment) {
  std::vector<FinishedRun> runs;
  std::vector<FinishedStage> stages;
  for (std::int64_t id = 1; id <= 3; ++id) {
    FinishedRun each = run(id, 1);
    each.asked_at = each.ended_at - id * id * kMinute;  // 1, 4 and 9 minutes
    stages.push_back(stage(each, "deploy-prod", 5));
    runs.push_back(each);
  }
  const Trends trends = trends_of(runs, stages, kWeek);
  EXPECT_EQ(trends.lead_time, 4 * kMinute);
  EXPECT_EQ(trends.days[5].lead_time, 4 * kMinute);
  EXPECT_FALSE(trends.days[6].lead_time.has_value());
}

TEST(Trends, ServiceIsRestoredByTheNextDeploymentThatGoesWell) {
  const FinishedRun good = run(1, 5);
  const FinishedRun bad = run(2, 4, RunState::failed);    // its tests fail
  const FinishedRun worse = run(3, 3, RunState::failed);  // still broken: not a second time
  const FinishedRun mended = run(4, 2);
  const Trends trends = trends_of(
      {good, bad, worse, mended},
      {stage(good, "deploy-prod", 5), stage(bad, "deploy-prod", 5),
       stage(bad, "test-prod", 6, WorkState::failed),
       stage(worse, "deploy-prod", 5, WorkState::failed), stage(mended, "deploy-prod", 5)},
      kWeek);
  EXPECT_EQ(trends.restored, 1);
  EXPECT_EQ(trends.restore_time, 2 * kDay);
  EXPECT_EQ(trends.days[4].restore_time, 2 * kDay);  // on the day of the one that mended it
  EXPECT_FALSE(trends.days[3].restore_time.has_value());
  EXPECT_EQ(trends.failed_deployments, 2);
}

TEST(Trends, StagesAreInTheirOrderWithTheirMedians) {
  std::vector<FinishedStage> stages;
  for (int minutes = 1; minutes <= 10; ++minutes)
    stages.push_back(stage(run(minutes, 0), "build", 1, WorkState::succeeded, minutes * kMinute));
  stages.push_back(stage(run(11, 0), "build", 1, WorkState::failed, 500 * kMinute));
  stages.push_back(stage(run(12, 1), "validate", 0));
  const Trends trends = trends_of({}, stages, kWeek);
  ASSERT_EQ(trends.stages.size(), 2U);
  EXPECT_EQ(trends.stages[0].id, "validate");
  EXPECT_EQ(trends.stages[1].count, 10);
  EXPECT_EQ(trends.stages[1].median, 6 * kMinute);
  EXPECT_EQ(trends.stages[1].slow, 9 * kMinute);
  EXPECT_EQ(trends.stages[0].daily[5], kMinute);
  EXPECT_FALSE(trends.stages[0].daily[6].has_value());
}

}  // namespace
}  // namespace aphex::server
