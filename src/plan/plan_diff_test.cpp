#include "plan/plan_diff.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "plan/plan_test_support.hpp"

namespace aphex::plan {
namespace {

std::vector<std::string> told(const config::Config& before, const config::Config& after) {
  std::vector<std::string> lines;
  for (const PlanChange& change :
       differences(make_plan(before, "shop"), make_plan(after, "shop"))) {
    const char mark = change.kind == PlanChange::Kind::added     ? '+'
                      : change.kind == PlanChange::Kind::removed ? '-'
                                                                 : '~';
    std::string line = mark + (" " + change.where);
    if (!change.what.empty()) line += " " + change.what;
    if (!change.before.empty()) line += " [" + change.before + "]";
    if (!change.after.empty()) line += " -> " + change.after;
    lines.push_back(line);
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(PlanDiff, NothingIsNewInTheSamePlan) {
  EXPECT_EQ(told(small_config(), small_config()), Lines{});
}

TEST(PlanDiff, AStepThatCameStandsWhereItCame) {
  config::Config after = small_config();
  after.build.commands = {"npm ci", "npm run lint", "npm test"};
  EXPECT_EQ(told(small_config(), after), Lines{"+ stage build step -> npm run lint"});
  EXPECT_EQ(told(after, small_config()), Lines{"- stage build step [npm run lint]"});
}

TEST(PlanDiff, StacksAndWhatTheyNeed) {
  config::Config after = small_config();
  after.environments[0].stacks = {stack("Data"), stack("Api"), stack("Web", {"Api"})};
  const Lines lines = told(small_config(), after);
  EXPECT_EQ(lines[0], "~ stack Api of dev depends on [Data] -> nothing");
  EXPECT_EQ(lines[1], "+ stack Web of dev -> lib/app-stack.ts");
}

TEST(PlanDiff, AnEnvironmentThatMovesAndOneThatGoes) {
  config::Config after = small_config();
  after.environments[0].account = "999988887777";
  after.environments.pop_back();
  const Lines lines = told(small_config(), after);
  EXPECT_EQ(lines[0], "~ environment dev account [111122223333] -> 999988887777");
  EXPECT_EQ(lines[1], "- environment prod [222233334444 eu-west-1]");
  EXPECT_EQ(lines.back(), "- stage deploy-prod");
}

TEST(PlanDiff, SettingsOfThePipeline) {
  config::Config after = small_config();
  after.pipeline.max_parallel_stacks = 9;
  after.pipeline.stack_settings.set("clusterName", "arbiter");
  EXPECT_EQ(told(small_config(), after),
            (Lines{"~ pipeline stacks side by side [4] -> 9",
                   "~ pipeline setting clusterName [not set] -> arbiter"}));
}

RC_GTEST_PROP(PlanDiff, IsEmptyExactlyWherePlansAreEqual, ()) {
  const Plan one = make_plan(any_config(), "shop");
  const Plan other = make_plan(any_config(), "shop");
  RC_ASSERT(differences(one, one).empty());
  RC_ASSERT(differences(one, other).empty() == (digest(one) == digest(other)));
}

}  // namespace
}  // namespace aphex::plan
