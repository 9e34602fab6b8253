#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/text.hpp"
#include "plan/plan_test_support.hpp"

namespace aphex::plan {
namespace {

using Texts = std::vector<std::string>;

Texts stage_ids(const Plan& plan) {
  Texts ids;
  for (const Stage& stage : plan.stages)
    ids.push_back(stage.id);
  return ids;
}

Texts kinds(const Plan& plan, std::string_view stage_id) {
  Texts names;
  for (const Step& step : find_stage(plan, stage_id)->steps)
    names.emplace_back(kind_name(step.body));
  return names;
}

Texts titles(const Plan& plan, std::string_view stage_id) {
  Texts texts;
  for (const Step& step : find_stage(plan, stage_id)->steps)
    texts.push_back(step.title);
  return texts;
}

TEST(MakePlan, an_environment_with_tests_has_two_stages_and_one_without_has_one) {
  EXPECT_EQ(stage_ids(make_plan(small_config(), "repo")),
            (Texts{"validate", "build", "pipeline", "deploy-dev", "test-dev", "deploy-prod"}));
}

TEST(MakePlan, every_stage_needs_the_one_before_it) {
  const Plan plan = make_plan(small_config(), "repo");
  EXPECT_EQ(plan.stages.front().needs, Texts{});
  for (std::size_t i = 1; i < plan.stages.size(); ++i) {
    EXPECT_EQ(plan.stages[i].needs, Texts{plan.stages[i - 1].id});
  }
}

TEST(MakePlan, the_steps_of_each_stage_are_those_of_the_design) {
  const Plan plan = make_plan(small_config(), "repo");
  EXPECT_EQ(kinds(plan, "validate"), (Texts{"clone", "check-configuration", "check-tools",
                                            "check-access", "check-access", "check-app"}));
  EXPECT_EQ(kinds(plan, "build"),
            (Texts{"find-artifacts", "restore-cache", "run-command", "run-command", "synthesize",
                   "check-stacks", "synthesize", "check-stacks", "upload-artifacts"}));
  EXPECT_EQ(kinds(plan, "pipeline"), Texts{"update-pipeline"});
  EXPECT_EQ(kinds(plan, "deploy-dev"), (Texts{"download-artifacts", "check-access", "synthesize",
                                              "deploy-stacks", "capture-outputs"}));
  EXPECT_EQ(kinds(plan, "test-dev"),
            (Texts{"download-artifacts", "provide-outputs", "run-command"}));
}

TEST(MakePlan, hooks_stand_around_the_deployment) {
  EXPECT_EQ(titles(make_plan(small_config(), "repo"), "deploy-prod"),
            (Texts{"download artifacts", "take the environment's credentials", "synthesize prod",
                   "./announce", "deploy 1 stack", "capture outputs", "./warm-up", "./tell"}));
}

TEST(MakePlan, a_command_keeps_its_text_and_its_title_is_its_first_line) {
  config::Config config = small_config();
  config.build.commands = {"set -e\nmake", std::string(80, 'x')};
  const Plan plan = make_plan(config, "repo");
  EXPECT_EQ(titles(plan, "build")[2], "set -e…");
  EXPECT_EQ(titles(plan, "build")[3], std::string(60, 'x') + "…");
  EXPECT_EQ(std::get<RunCommand>(find_stage(plan, "build")->steps[2].body).command, "set -e\nmake");
}

TEST(MakePlan, a_title_is_not_cut_within_a_character) {
  config::Config config = small_config();
  std::string umlauts;
  for (int i = 0; i < 70; ++i)
    umlauts += "ü";
  config.build.commands = {umlauts};
  const std::string title = titles(make_plan(config, "repo"), "build")[2];
  EXPECT_EQ(utf8_length(title), 61U);
  EXPECT_EQ(find_invalid_utf8(title), std::nullopt);
}

TEST(MakePlan, the_repository_names_the_pipeline_where_the_configuration_does_not) {
  config::Config config = small_config();
  EXPECT_EQ(make_plan(config, "repo").pipeline, "repo");
  config.pipeline.name = "shop";
  EXPECT_EQ(make_plan(config, "repo").pipeline, "shop");
}

TEST(MakePlan, each_stage_has_the_timeout_of_its_kind) {
  config::Config config = small_config();
  using std::chrono::seconds;
  config.timeouts = {seconds(1), seconds(2), seconds(3), seconds(4), seconds(5), seconds(6)};
  config.environments.back().approval = config::Approval{};
  const Plan plan = make_plan(config, "repo");
  EXPECT_EQ(find_stage(plan, "validate")->timeout, seconds(1));
  EXPECT_EQ(find_stage(plan, "build")->timeout, seconds(2));
  EXPECT_EQ(find_stage(plan, "pipeline")->timeout, seconds(3));
  EXPECT_EQ(find_stage(plan, "deploy-prod")->timeout, seconds(4));
  EXPECT_EQ(find_stage(plan, "test-dev")->timeout, seconds(5));
  EXPECT_EQ(find_stage(plan, "approve-prod")->timeout, seconds(6));
}

TEST(MakePlan, an_environment_with_an_approval_asks_before_it_deploys) {
  config::Config config = small_config();
  config.environments.back().approval =
      config::Approval{{"ada", "grace", "linus"}, 2, std::chrono::hours(8), false};
  const Plan plan = make_plan(config, "repo");
  EXPECT_EQ(stage_ids(plan), (Texts{"validate", "build", "pipeline", "deploy-dev", "test-dev",
                                    "approve-prod", "deploy-prod"}));
  EXPECT_EQ(find_stage(plan, "deploy-prod")->needs, Texts{"approve-prod"});
  EXPECT_EQ(kinds(plan, "approve-prod"), (Texts{"download-artifacts", "check-access", "synthesize",
                                                "prepare-changes", "await-approval"}));
  EXPECT_EQ(titles(plan, "approve-prod").back(), "wait for the approval of 2 of ada, grace, linus");
  EXPECT_EQ(approval_wait(*find_stage(plan, "approve-prod")), std::chrono::hours(8));
  EXPECT_EQ(kinds(plan, "deploy-prod")[3], "check-approval");
  EXPECT_EQ(kinds(plan, "deploy-prod")[4], "run-command") << "hooks come after the check";
  EXPECT_EQ(approval_wait(*find_stage(plan, "deploy-prod")), std::chrono::seconds(0));
}

TEST(MakePlan, a_stage_that_does_not_exist_is_not_found) {
  EXPECT_EQ(find_stage(make_plan(small_config(), "repo"), "test-prod"), nullptr);
}

RC_GTEST_PROP(MakePlan, stages_stand_in_the_order_of_the_file_and_tests_follow_deployments, ()) {
  const config::Config config = any_config();
  Texts expected{"validate", "build", "pipeline"};
  for (const config::Environment& environment : config.environments) {
    if (environment.approval) expected.push_back("approve-" + environment.name);
    expected.push_back("deploy-" + environment.name);
    if (!environment.test_commands.empty()) expected.push_back("test-" + environment.name);
  }
  RC_ASSERT(stage_ids(make_plan(config, "repo")) == expected);
}

RC_GTEST_PROP(MakePlan, commands_run_whole_and_in_the_order_of_the_file, ()) {
  const config::Config config = any_config();
  const Plan plan = make_plan(config, "repo");
  for (std::size_t i = 0; i < config.environments.size(); ++i) {
    Texts commands;
    if (const Stage* test = find_stage(plan, "test-" + config.environments[i].name)) {
      for (const Step& step : test->steps) {
        const auto* command = std::get_if<RunCommand>(&step.body);
        if (command == nullptr) continue;
        RC_ASSERT(command->role == CommandRole::test);
        RC_ASSERT(command->environment == i);
        commands.push_back(command->command);
      }
    }
    RC_ASSERT(commands == config.environments[i].test_commands);
  }
}

RC_GTEST_PROP(MakePlan, the_ids_of_steps_are_unique_in_their_stage, ()) {
  for (const Stage& stage : make_plan(any_config(), "repo").stages) {
    std::set<std::string> ids;
    for (const Step& step : stage.steps)
      RC_ASSERT(ids.insert(step.id).second);
  }
}

}  // namespace
}  // namespace aphex::plan
