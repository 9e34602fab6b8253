#include "argo/objects.hpp"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "argo/argo_test_support.hpp"
#include "argo/dialect.hpp"
#include "argo/stage_part.hpp"
#include "plan/plan_test_support.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

plan::Plan small_plan() {
  return plan::make_plan(plan::small_config(), "shop");
}

std::string refusal(const plan::Plan& plan, const Settings& settings) {
  const auto objects = generate(plan, settings);
  return objects ? "generated" : objects.error().message;
}

const Value& template_named(const Object& object, std::string_view name) {
  const Value* templates = object.manifest.find({"spec", "templates"});
  for (const Value& item : *templates->as_array()) {
    if (item.string_or("name", "") == name) return item;
  }
  return *templates;
}

std::string raw_plan(const Value& made) {
  const Value& first = made.find({"inputs", "artifacts"})->as_array()->front();
  return *first.find({"raw", "data"})->as_string();
}

TEST(Objects, come_in_the_order_in_which_they_are_made) {
  const auto objects = generate(small_plan(), small_settings());
  ASSERT_TRUE(objects.has_value()) << objects.error().message;
  std::vector<std::string> kinds;
  for (const Object& object : *objects) {
    if (kinds.empty() || kinds.back() != object.kind()) kinds.emplace_back(object.kind());
  }
  EXPECT_EQ(kinds,
            (std::vector<std::string>{"ServiceAccount", "Secret", "Role", "RoleBinding", "Role",
                                      "RoleBinding", "Role", "RoleBinding", "NetworkPolicy",
                                      "WorkflowTemplate", "Service", "EventSource", "Sensor"}));
}

// Of "kind/name" to the namespaces that an object of that name is in.
std::map<std::string, std::vector<std::string>> places_of(const std::vector<Object>& objects) {
  std::map<std::string, std::vector<std::string>> places;
  for (const Object& object : objects) {
    places[fmt::format("{}/{}", object.kind(), object.name())].emplace_back(object.name_space());
  }
  return places;
}

TEST(Objects, events_may_have_a_namespace_of_their_own) {
  Settings settings = small_settings();
  settings.name_space = "runs";
  settings.events_name_space = "events";
  settings.github_token = SecretSource{"token", "github", ""};
  const auto objects = generate(small_plan(), settings);
  ASSERT_TRUE(objects.has_value()) << objects.error().message;
  const auto places = places_of(*objects);
  using Places = std::vector<std::string>;
  for (const char* name : {"EventSource/shop-github", "Sensor/shop-sensor", "Service/shop-webhook",
                           "ServiceAccount/shop-sensor", "NetworkPolicy/shop-webhook",
                           "NetworkPolicy/shop-sensor", "Secret/shop-webhook-secret"}) {
    EXPECT_EQ(places.at(name), Places{"events"}) << name;
  }
  for (const char* name : {"WorkflowTemplate/shop-pipeline", "RoleBinding/shop-sensor",
                           "ServiceAccount/shop-workflow-executor", "NetworkPolicy/shop-stages"}) {
    EXPECT_EQ(places.at(name), Places{"runs"}) << name;
  }
  EXPECT_EQ(places.at("Secret/shop-github-token"), (Places{"runs", "events"}));
}

TEST(Objects, the_templates_alone_are_those_of_the_whole) {
  const auto all = generate(small_plan(), small_settings());
  const auto templates = generate_templates(small_plan(), small_settings());
  ASSERT_TRUE(all.has_value() && templates.has_value());
  ASSERT_EQ(templates->size(), 2U);
  for (const Object& made : *templates) {
    const auto same = std::find_if(all->begin(), all->end(), [&](const Object& other) {
      return other.kind() == made.kind() && other.name() == made.name();
    });
    ASSERT_NE(same, all->end());
    EXPECT_EQ(same->manifest, made.manifest);
  }
}

TEST(Objects, every_problem_of_the_settings_is_reported_at_once) {
  Settings settings = small_settings();
  settings.pipeline = "Shop";
  settings.cluster = "";
  settings.names.event_source = std::string(48, 'e');
  settings.names.pull_request_account = "stages";
  settings.names.executor_account = "stages";
  settings.github.branch = "a{{b";
  settings.webhook = {IngressExposure{"Hooks", "", "", {}}, "hook", "example.com"};
  settings.webhook_secret = {"a key", "", ""};
  settings.account = "1";
  settings.execution_role_arn = "role";
  settings.config_path = "{{x}}.yaml";
  settings.images = {{"build", "a b"}};
  settings.resources = {{"build", {"1.5.", "", "", "4 Gi"}}};
  settings.infrastructure_retries = 11;
  const std::string message = refusal(small_plan(), settings);
  for (const std::string part :
       {"the Kubernetes objects of pipeline 'Shop' cannot be made:\n  ",
        "pipeline name 'Shop': must be lower-case letters, digits and '-', the ends no '-'",
        "clusterName '': must be at most 100 letters, digits, '_' and '-'",
        "': 48 characters, 47 are the most; give it a shorter one",
        "ServiceAccount 'stages': two of the pipeline's have this name; give one of them another",
        "githubBranch 'a{{b': Argo takes '{{' for a template; rename the branch",
        "webhook host 'Hooks': must be a host name",
        "webhook path 'hook': must begin with '/' and be of letters, digits, '-', '_', '.'",
        "webhook URL 'example.com': must be scheme://host[:port], without a path",
        "key 'a key' of the webhook secret: must be letters, digits, '-', '_' and '.'",
        "webhook secret: names no secret of Secrets Manager; set its name or ARN",
        "account of the pipeline '1': must be 12 digits, quoted", "execution role 'role': must be ",
        "configPath '{{x}}.yaml': Argo takes '{{' for a template; rename the file",
        "image of 'build' 'a b': must be a container image's reference",
        "resources of 'build' '1.5.': must be a Kubernetes quantity such as 500m, 2 or 4Gi",
        "resources of 'build' '4 Gi': must be", "infrastructure retries 11: 10 are the most"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << "\n---\n" << message;
  }
}

TEST(Objects, a_stage_too_large_for_a_pod_says_what_to_split) {
  config::Config config = plan::small_config();
  config.environments[0].stacks.clear();
  for (int i = 0; i < 2000; ++i)
    config.environments[0].stacks.push_back(plan::stack("Stack" + std::to_string(i)));
  EXPECT_EQ(
      refusal(plan::make_plan(config, "shop"), small_settings()),
      "the Kubernetes objects of pipeline 'shop' cannot be made:\n"
      "  stage 'build' of WorkflowTemplate 'shop-pipeline': 149 KB, 123 KB are the most that a pod "
      "can be given; divide the environments between pipelines, or move commands into scripts\n"
      "  stage 'deploy-dev' of WorkflowTemplate 'shop-pipeline': 147 KB, 123 KB are the most that "
      "a pod can be given; divide the environment's stacks between two environments, or move "
      "commands into scripts");
}

TEST(Objects, a_template_too_large_for_a_workflow_says_what_to_split) {
  config::Config config = plan::small_config();
  const config::Environment first = config.environments[0];
  for (int i = 0; i < 200; ++i) {
    config.environments.push_back(first);
    config.environments.back().name = "env" + std::to_string(i);
  }
  const std::string message = refusal(plan::make_plan(config, "shop"), small_settings());
  EXPECT_NE(message.find("WorkflowTemplate 'shop-pipeline': "), std::string::npos);
  EXPECT_NE(message.find("are the most that a workflow's record has room for; divide the "
                         "environments between pipelines"),
            std::string::npos)
      << message;
}

TEST(Objects, ten_environments_of_fifty_stacks_have_room) {
  config::Config config = plan::small_config();
  config::Environment of = config.environments[0];
  of.stacks.clear();
  for (int i = 0; i < 50; ++i)
    of.stacks.push_back(plan::stack("ApplicationStack" + std::to_string(i)));
  config.environments.clear();
  for (int i = 0; i < 10; ++i) {
    config.environments.push_back(of);
    config.environments.back().name = "env" + std::to_string(i);
  }
  EXPECT_EQ(refusal(plan::make_plan(config, "shop"), small_settings()), "generated");
}

// The parts' own properties.

RC_GTEST_PROP(StageParts, are_plans_that_a_pod_reads_back, ()) {
  const plan::Plan plan = plan::make_plan(plan::any_config(), "shop");
  const Trust trust = *rc::gen::element(Trust::pipeline, Trust::pull_request);
  for (const plan::Stage& stage : plan.stages) {
    const plan::Plan part = stage_part(plan, stage, small_settings(), trust);
    const std::string text = artifact_text(plan::to_value(part));
    RC_ASSERT(text.find("{{") == std::string::npos);
    const auto parsed = doc::parse_json(text);
    RC_ASSERT(parsed.has_value());
    const auto again = plan::from_value(*parsed);
    RC_ASSERT(again.has_value());
    RC_ASSERT(plan::to_value(*again) == plan::to_value(part));
    RC_ASSERT(part.stages.size() == 1U);
    RC_ASSERT(part.stages[0].id == stage.id);
    RC_ASSERT(part.stages[0].needs.empty());
  }
}

RC_GTEST_PROP(StageParts, have_the_stages_steps_and_no_other_environment, ()) {
  const plan::Plan plan = plan::make_plan(plan::any_config(), "shop");
  for (const plan::Stage& stage : plan.stages) {
    const plan::Plan part = stage_part(plan, stage, small_settings(), Trust::pipeline);
    RC_ASSERT(part.stages[0].steps.size() == stage.steps.size());
    if (!stage.environment) continue;
    RC_ASSERT(part.environments.size() == 1U);
    RC_ASSERT(part.environments[0].name == plan.environments[*stage.environment].name);
    RC_ASSERT(part.stages[0].environment == std::optional<std::size_t>(0));
  }
}

TEST(StageParts, what_argo_would_take_for_a_template_arrives_as_it_was) {
  config::Config config = plan::small_config();
  config.build.commands = {"echo {{workflow.name}} {{{x}}} '{{=1+1}}' {{"};
  const auto objects = generate(plan::make_plan(config, "shop"), small_settings());
  ASSERT_TRUE(objects.has_value()) << objects.error().message;
  const auto found = std::find_if(objects->begin(), objects->end(), [](const Object& object) {
    return object.name() == "shop-pipeline" && object.kind() == "WorkflowTemplate";
  });
  ASSERT_NE(found, objects->end());
  const std::string text = raw_plan(template_named(*found, "build"));
  EXPECT_EQ(text.find("{{"), std::string::npos);
  const auto part = plan::from_value(*doc::parse_json(text));
  ASSERT_TRUE(part.has_value()) << part.error().message;
  EXPECT_EQ(std::get<plan::RunCommand>(part->stages[0].steps[2].body).command,
            config.build.commands[0]);
}

TEST(StageParts, a_plan_with_a_store_of_its_own_keeps_it) {
  plan::Plan plan = small_plan();
  plan.artifact_store = "s3://elsewhere/runs";
  EXPECT_EQ(stage_part(plan, plan.stages[1], small_settings(), Trust::pipeline).artifact_store,
            "s3://elsewhere/runs");
  plan.artifact_store = ".aphex/artifacts";
  EXPECT_EQ(stage_part(plan, plan.stages[1], small_settings(), Trust::pipeline).artifact_store,
            "s3://shop-artifacts-111122223333-us-east-1");
  EXPECT_EQ(stage_part(plan, plan.stages[1], small_settings(), Trust::pull_request).artifact_store,
            "");
}

// The versions.

struct Spelling {
  ArgoVersion version;
  std::string lock;
  std::string collection;
};

TEST(Dialects, each_version_has_its_own_spelling) {
  const std::string one = R"({"mutex":{"name":"m"}})";
  const std::string list = R"({"mutexes":[{"name":"m"}]})";
  const std::string now = R"({"strategy":"OnWorkflowSuccess"})";
  const std::string later = R"({"strategy":"OnWorkflowSuccess","deleteDelayDuration":"24h"})";
  for (const Spelling& spelling :
       {Spelling{ArgoVersion::v3_4, one, now}, Spelling{ArgoVersion::v3_5, one, later},
        Spelling{ArgoVersion::v3_6, list, later}, Spelling{ArgoVersion::v3_7, list, later},
        Spelling{ArgoVersion::v4_0, list, later}, Spelling{ArgoVersion::v4_1, list, later}}) {
    EXPECT_EQ(doc::to_json(synchronization(spelling.version, "m")), spelling.lock);
    EXPECT_EQ(doc::to_json(pod_collection(spelling.version)), spelling.collection);
  }
}

}  // namespace
}  // namespace aphex::argo
