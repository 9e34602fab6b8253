#include "pipeline/monitoring.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doc/value.hpp"
#include "pipeline/pipeline_test_support.hpp"
#include "plan/metrics.hpp"

namespace aphex::pipeline {
namespace {

using namespace testing_support;  // NOLINT: the tests' own words
using testing::HasSubstr;

Settings settings(const Texts& more = {}) {
  return *resolve_flags(enough_and(more)).settings;
}

TEST(Alarms, are_the_three_of_the_design_and_report_to_the_topic) {
  const auto list = alarms(settings({{"longRunningAfter", "90m"}}), "arn:topic");
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].props.alarm_name, Value("archon-agent-workflow-failures"));
  EXPECT_EQ(list[0].props.metric_name, plan::metric::kWorkflowFailed);
  EXPECT_EQ(list[1].props.metric_name, plan::metric::kDeploymentFailed);
  EXPECT_EQ(list[2].props.metric_name, plan::metric::kWorkflowElapsed);
  EXPECT_EQ(list[2].props.threshold, 5400);
  EXPECT_EQ(list[2].props.description,
            "A run of the pipeline archon-agent has been going for more than 5400 s");
  for (const NamedAlarm& alarm : list) {
    EXPECT_EQ(alarm.props.alarm_actions, std::vector<Value>{"arn:topic"});
    EXPECT_EQ(alarm.props.metric_namespace, plan::kMetricNamespace);
    EXPECT_EQ(alarm.props.dimensions,
              (std::vector<std::pair<std::string, Value>>{{"Pipeline", "archon-agent"}}));
  }
}

TEST(Dashboard, shows_what_the_design_asks_for) {
  const std::string body = doc::to_json(dashboard_body(settings()));
  for (const std::string_view shown :
       {"Recent runs", "WorkflowSucceeded", "WorkflowFailed", "DeploymentSucceeded",
        "WorkflowDuration", "StageDuration", "ArtifactSize", "SOURCE '/aphex/archon-agent'",
        "filter event = 'run_finished'"}) {
    EXPECT_THAT(body, HasSubstr(std::string(shown)));
  }
}

TEST(Dashboard, has_widgets_that_lie_side_by_side_in_the_grid) {
  const Value body = dashboard_body(settings());
  std::set<std::pair<std::int64_t, std::int64_t>> taken;
  for (const Value& widget : *body.find("widgets")->as_array()) {
    const auto number = [&](const char* key) { return *widget.find(key)->as_int(); };
    EXPECT_LE(number("x") + number("width"), 24);
    for (std::int64_t x = number("x"); x < number("x") + number("width"); ++x) {
      for (std::int64_t y = number("y"); y < number("y") + number("height"); ++y)
        EXPECT_TRUE(taken.emplace(x, y).second) << x << "," << y;
    }
  }
}

TEST(Dashboard, of_the_same_pipeline_in_another_region_has_another_name) {
  EXPECT_EQ(dashboard_name(settings()), "archon-agent-us-east-1");
  EXPECT_EQ(dashboard_name(settings({{"region", "eu-west-1"}})), "archon-agent-eu-west-1");
}

}  // namespace
}  // namespace aphex::pipeline
