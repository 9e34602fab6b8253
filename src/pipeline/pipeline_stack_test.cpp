#include "aphex/pipeline_stack.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aphex/app.hpp"
#include "argo/objects.hpp"
#include "doc/value.hpp"
#include "pipeline/code_layer.hpp"
#include "pipeline/definition_state.hpp"
#include "pipeline/pipeline_test_support.hpp"

namespace aphex {
namespace {

using namespace pipeline::testing_support;  // NOLINT: the tests' own words
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A pipeline in an application, assembled.
struct Made {
  explicit Made(const Texts& flags, std::string text = std::string(kConfiguration)) {
    PipelineProps props;
    props.inputs.configuration = std::move(text);
    props.inputs.repository_name = "ArchonAgent";
    props.inputs.provider = {"provider.zip", std::string(64, 'a')};
    props.flags = flags;
    definition.emplace(app, std::move(props));
    stack = &app.make<Stack>("Pipeline", definition->stack_props());
    construct = &stack->make<AphexPipelineStack>("AphexPipelineStack", *definition);
    synthesis = app.assemble();
  }

  const Value& cloudformation() const {
    EXPECT_EQ(describe(synthesis.problems), "");
    return synthesis.assembly.stacks.front().cloudformation;
  }

  // Of one type, in the template's order.
  std::vector<const Value*> resources(std::string_view type) const {
    std::vector<const Value*> found;
    for (const Member& member : *cloudformation().find("Resources")->as_object()) {
      if (member.second.string_or("Type", "") == type) found.push_back(&member.second);
    }
    return found;
  }

  App app{AppProps{}};
  std::optional<PipelineDefinition> definition;
  Stack* stack = nullptr;
  AphexPipelineStack* construct = nullptr;
  Synthesis synthesis;
};

std::vector<std::string> messages(const std::vector<Problem>& problems) {
  std::vector<std::string> list;
  for (const Problem& problem : problems)
    list.push_back(problem.message);
  return list;
}

std::string json(const Value* value) {
  return value == nullptr ? "absent" : doc::to_json(*value);
}

constexpr std::string_view kObject = "Custom::AphexKubernetesObject";

TEST(PipelineStack, stands_in_the_tree_under_its_name) {
  const Made made(enough());
  const std::string& tree = made.synthesis.assembly.find_file("tree.json")->content;
  EXPECT_THAT(tree, HasSubstr("\"Pipeline/AphexPipelineStack\""));
  EXPECT_THAT(tree, HasSubstr("aphex.AphexPipelineStack"));
}

TEST(PipelineStack, is_the_same_bytes_every_time) {
  const Made one(enough());
  const Made two(enough());
  ASSERT_EQ(one.synthesis.assembly.files.size(), two.synthesis.assembly.files.size());
  for (std::size_t i = 0; i < one.synthesis.assembly.files.size(); ++i)
    EXPECT_EQ(one.synthesis.assembly.files[i].content, two.synthesis.assembly.files[i].content);
}

TEST(PipelineStack, gives_out_what_the_design_names) {
  const Made made(enough());
  std::vector<std::string> names;
  for (const Member& member : *made.cloudformation().find("Outputs")->as_object()) {
    names.push_back(member.first);
    EXPECT_EQ(member.second.find("Export"), nullptr) << member.first;
  }
  EXPECT_THAT(names, ElementsAre("WebhookUrl", "ArtifactBucketName", "WorkflowExecutionRoleArn",
                                 "WorkflowTemplateName", "WebhookSecretArn", "AlarmTopicArn"));
}

TEST(PipelineStack, keeps_its_bucket_and_deletes_old_artifacts) {
  const Made made(enough_and({{"artifactRetentionDays", "45"}}));
  const Value& bucket = *made.resources("AWS::S3::Bucket").front();
  EXPECT_EQ(bucket.string_or("DeletionPolicy", ""), "RetainExceptOnCreate");
  EXPECT_EQ(bucket.string_or("UpdateReplacePolicy", ""), "Retain");
  EXPECT_EQ(json(bucket.find({"Properties", "LifecycleConfiguration"})),
            R"({"Rules":[{"Id":"Artifacts","Status":"Enabled",)"
            R"("Transitions":[{"StorageClass":"INTELLIGENT_TIERING","TransitionInDays":30}],)"
            R"("ExpirationInDays":45,"NoncurrentVersionExpiration":{"NoncurrentDays":45},)"
            R"("AbortIncompleteMultipartUpload":{"DaysAfterInitiation":7}}]})");
}

TEST(PipelineStack, moves_nothing_that_is_deleted_by_then) {
  const Made made(enough_and({{"artifactRetentionDays", "30"}}));
  const Value& bucket = *made.resources("AWS::S3::Bucket").front();
  EXPECT_THAT(json(bucket.find({"Properties", "LifecycleConfiguration"})),
              Not(HasSubstr("INTELLIGENT_TIERING")));
}

TEST(PipelineStack, has_no_secret_in_its_template) {
  const Made made(enough());
  const std::string text = doc::to_json(made.cloudformation());
  EXPECT_THAT(text, Not(HasSubstr("SecretString\":\"")));
  for (const Value* object : made.resources(kObject)) {
    const std::string manifest = json(object->find({"Properties", "Manifest"}));
    if (manifest.find("\\\"kind\\\":\\\"Secret\\\"") == std::string::npos) continue;
    EXPECT_THAT(manifest, Not(HasSubstr("stringData")));
    EXPECT_THAT(manifest, Not(HasSubstr("\\\"data\\\"")));
  }
}

TEST(PipelineStack, keeps_the_template_of_a_workflow_in_an_asset) {
  const Made made(enough());
  int stored = 0;
  for (const Value* object : made.resources(kObject)) {
    if (object->find({"Properties", "ManifestSha256"}) == nullptr) continue;
    ++stored;
    const std::string hash = *object->find({"Properties", "ManifestSha256"})->as_string();
    const AssemblyFile* asset =
        made.synthesis.assembly.find_file("asset." + hash + ".manifest.json");
    ASSERT_NE(asset, nullptr) << hash;
    EXPECT_THAT(asset->content, HasSubstr("\"kind\":\"WorkflowTemplate\""));
    EXPECT_EQ(object->find({"Properties", "Manifest"}), nullptr);
  }
  EXPECT_EQ(stored, 2);
}

TEST(PipelineStack, listens_only_after_everything_else_is_there) {
  const Made made(enough());
  for (const Member& member : *made.cloudformation().find("Resources")->as_object()) {
    const bool sensor = member.first.find("TriggerSensor") != std::string::npos;
    if (!sensor) continue;
    EXPECT_THAT(json(member.second.find("DependsOn")), HasSubstr("EventsEventSource"));
    EXPECT_THAT(json(member.second.find("DependsOn")), HasSubstr("WorkflowExecutionRole"));
  }
}

TEST(PipelineStack, trusts_one_service_account_for_one_audience) {
  const Made made(enough_and({{"namespace", "pipelines"}, {"serviceAccountName", "runner"}}));
  const std::string trust = json(
      made.resources("AWS::IAM::Role").front()->find({"Properties", "AssumeRolePolicyDocument"}));
  EXPECT_THAT(trust, HasSubstr(R"("oidc.eks.us-east-1.amazonaws.com/id/ABC123:aud":)"
                               R"("sts.amazonaws.com")"));
  EXPECT_THAT(trust, HasSubstr(R"("oidc.eks.us-east-1.amazonaws.com/id/ABC123:sub":)"
                               R"("system:serviceaccount:pipelines:runner")"));
  EXPECT_THAT(trust, HasSubstr("{\"Fn::ImportValue\":\"AphexCluster-arbiter-OIDCProviderArn\"}"));
}

TEST(PipelineStack, takes_literal_roles_and_providers_without_an_import) {
  const Made made(
      enough_and({{"oidcProviderArn",
                   "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/"
                   "ABC123"},
                  {"kubectlRoleArn", "arn:aws:iam::111122223333:role/kubectl"},
                  {"pipelineCreatorRoleArn", "arn:aws:iam::111122223333:role/creator"}}));
  const std::string text = doc::to_json(made.cloudformation());
  EXPECT_THAT(text, Not(HasSubstr("Fn::ImportValue")));
  EXPECT_THAT(text, HasSubstr(R"("RoleArn":"arn:aws:iam::111122223333:role/creator")"));
  EXPECT_THAT(text, Not(HasSubstr("role/kubectl")));
}

struct UrlOf {
  Texts flags;
  std::string url;
};
class WebhookUrl : public testing::TestWithParam<UrlOf> {};

TEST_P(WebhookUrl, is_where_the_event_source_is_reached) {
  const Made made(enough_and(GetParam().flags));
  const Value* value = made.cloudformation().find({"Outputs", "WebhookUrl", "Value"});
  ASSERT_NE(value, nullptr);
  const std::string* text = value->as_string();
  EXPECT_THAT(text == nullptr ? json(value) : *text, HasSubstr(GetParam().url));
}

INSTANTIATE_TEST_SUITE_P(
    Exposures, WebhookUrl,
    testing::Values(UrlOf{{}, "http://archon-agent-webhook.argo.svc:12000/archon-agent"},
                    UrlOf{{{"webhook.host", "hooks.example.com"}},
                          "https://hooks.example.com/archon-agent"},
                    UrlOf{{{"webhook.type", "ingress"},
                           {"webhook.host", "hooks.example.com"},
                           {"webhook.path", "/push"}},
                          "https://hooks.example.com/push"},
                    UrlOf{{{"webhook.publicUrl", "https://proxy.example.com:8443"}},
                          "https://proxy.example.com:8443/archon-agent"},
                    UrlOf{{{"webhook.type", "loadbalancer"}}, "\"Hostname\"]},\"/archon-agent\""}));

TEST(PipelineStack, asks_for_the_load_balancers_name_where_nothing_else_is_known) {
  const Made made(enough_and({{"webhook.type", "loadbalancer"}}));
  int waiting = 0;
  for (const Value* object : made.resources(kObject)) {
    if (object->find({"Properties", "WaitFor"}) != nullptr) ++waiting;
  }
  EXPECT_EQ(waiting, 1);
}

TEST(PipelineStack, records_calls_where_it_is_asked_to) {
  const Made made(enough_and({{"auditTrail", "true"}}));
  ASSERT_EQ(made.resources("AWS::CloudTrail::Trail").size(), 1U);
  EXPECT_EQ(made.resources("AWS::S3::Bucket").size(), 2U);
  const Value& trail = *made.resources("AWS::CloudTrail::Trail").front();
  EXPECT_THAT(json(trail.find("DependsOn")), HasSubstr("LogBucketPolicy"));
  const std::string policy = json(made.resources("AWS::S3::BucketPolicy").back());
  EXPECT_THAT(policy, HasSubstr("\"aws:SourceArn\":\"arn:aws:cloudtrail:us-east-1:111122223333:"
                                "trail/archon-agent-audit\""));
  EXPECT_THAT(Made(enough()).resources("AWS::CloudTrail::Trail"), IsEmpty());
}

TEST(PipelineStack, bounds_both_roles_where_there_is_a_boundary) {
  const std::string boundary = "arn:aws:iam::111122223333:policy/boundary";
  const Made made(enough_and({{"permissionsBoundaryArn", boundary}}));
  const auto roles = made.resources("AWS::IAM::Role");
  ASSERT_EQ(roles.size(), 2U);
  for (const Value* role : roles) {
    EXPECT_EQ(json(role->find({"Properties", "PermissionsBoundary"})), "\"" + boundary + "\"");
  }
}

TEST(PipelineStack, tags_everything_that_can_carry_tags) {
  const Made made(enough_and({{"environmentTag", "tools"}}));
  for (const std::string_view type :
       {"AWS::S3::Bucket", "AWS::IAM::Role", "AWS::Lambda::Function", "AWS::SNS::Topic",
        "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup", "AWS::CloudWatch::Alarm"}) {
    for (const Value* resource : made.resources(type)) {
      EXPECT_EQ(json(resource->find({"Properties", "Tags"})),
                R"([{"Key":"Environment","Value":"tools"},{"Key":"ManagedBy","Value":"aphex"},)"
                R"({"Key":"Project","Value":"archon-agent"}])")
          << type;
    }
  }
}

TEST(PipelineStack, does_not_take_over_the_topic_that_is_given) {
  const std::string topic = "arn:aws:sns:us-east-1:111122223333:team";
  const Made made(enough_and({{"alarmTopicArn", topic}}));
  EXPECT_THAT(made.resources("AWS::SNS::Topic"), IsEmpty());
  EXPECT_THAT(json(made.resources("AWS::CloudWatch::Alarm").front()), HasSubstr(topic));
}

// Physical names, in the account and on the cluster, that a template claims.
std::set<std::string> claimed(const Made& made) {
  std::set<std::string> names;
  for (const Member& member : *made.cloudformation().find("Resources")->as_object()) {
    for (const char* key : {"BucketName", "RoleName", "Name", "LogGroupName", "TopicName",
                            "AlarmName", "DashboardName", "TrailName"}) {
      const Value* name = member.second.find({"Properties", key});
      if (name != nullptr && name->is_string()) {
        names.insert(member.second.string_or("Type", "") + " " + *name->as_string());
      }
    }
  }
  for (const argo::Object& object : made.definition->state().objects)
    names.insert(std::string(object.kind()) + " " + std::string(object.name()));
  return names;
}

TEST(PipelineStack, shares_no_name_with_another_pipeline) {
  const Made one(enough_and({{"auditTrail", "true"}}));
  const Made two(enough_and({{"auditTrail", "true"}, {"name", "archon"}}));
  const std::set<std::string> of_one = claimed(one);
  EXPECT_GT(of_one.size(), 20U);
  for (const std::string& name : claimed(two))
    EXPECT_EQ(of_one.count(name), 0U) << name;
}

// --- what is wrong ------------------------------------------------------------------------------

TEST(PipelineProblems, stop_the_synthesis_and_are_all_there) {
  const Made made({{"clusterName", "a b"}}, "version: \"1.0\"\nbuild: {commands: [make]}\n");
  EXPECT_THAT(messages(made.synthesis.problems),
              Contains("aphex-config.yaml:1:1: Missing required field: environments"));
  EXPECT_TRUE(made.synthesis.assembly.files.empty());
}

TEST(PipelineProblems, of_settings_name_their_layer) {
  const Made made(enough_and({{"argoVersion", "9.9"}, {"sensorName", "S"}}));
  EXPECT_THAT(messages(made.synthesis.problems),
              ElementsAre("--sensor-name: sensorName must be at most 63 lower-case letters, digits "
                          "and '-', the ends no '-', not 'S'",
                          "--argo-version: argoVersion '9.9' is not supported: 3.4, 3.5, 3.6, "
                          "3.7, 4.0 and 4.1 are"));
}

TEST(PipelineProblems, a_stack_for_another_account_is_refused) {
  App app{AppProps{}};
  PipelineProps props;
  props.inputs.configuration = kConfiguration;
  props.inputs.provider = {"provider.zip", std::string(64, 'a')};
  props.flags = enough();
  const PipelineDefinition definition(app, std::move(props));
  StackProps other = definition.stack_props();
  other.env.account = "999988887777";
  app.make<Stack>("Pipeline", other).make<AphexPipelineStack>("AphexPipelineStack", definition);
  EXPECT_THAT(messages(app.assemble().problems),
              Contains("the pipeline archon-agent belongs to the stack ArchonAgentPipelineStack in "
                       "aws://111122223333/us-east-1, and this is ArchonAgentPipelineStack in "
                       "aws://999988887777/us-east-1"));
}

// The role's policies would have room for no more accounts than the workflow for environments:
// policy_packing_test.cpp.
TEST(PipelineProblems, too_many_environments_for_one_pipeline_say_what_to_do) {
  std::string text = "version: \"1.0\"\nbuild: {commands: [make]}\nenvironments:\n";
  for (int i = 0; i < 400; ++i) {
    text += "  - {name: e" + std::to_string(i) + ", region: us-east-1, account: \"" +
            std::to_string(100000000000 + i) + "\", stacks: [{name: S, path: a.ts}]}\n";
  }
  const Made made(enough(), text);
  EXPECT_THAT(describe(made.synthesis.problems),
              HasSubstr("divide the environments between pipelines"));
}

// --- settings of a program ----------------------------------------------------------------------

TEST(CodeLayer, can_set_every_setting_there_is) {
  PipelineSettings settings;
  const std::string x = "x";
  for (std::string* text : {&settings.name,
                            &settings.bootstrap_qualifier,
                            &settings.account,
                            &settings.region,
                            &settings.stack_name,
                            &settings.environment_tag,
                            &settings.cluster_name,
                            &settings.cluster_export_prefix,
                            &settings.oidc_provider_arn,
                            &settings.oidc_issuer,
                            &settings.kubectl_role_arn,
                            &settings.pipeline_creator_role_arn,
                            &settings.github_owner,
                            &settings.github_repo,
                            &settings.github_branch,
                            &settings.github_token_secret_name,
                            &settings.workflow_template_name,
                            &settings.event_source_name,
                            &settings.sensor_name,
                            &settings.artifact_bucket_name,
                            &settings.config_path,
                            &settings.kubernetes_namespace,
                            &settings.events_namespace,
                            &settings.event_bus_name,
                            &settings.service_account_name,
                            &settings.workflow_role_name,
                            &settings.webhook.type,
                            &settings.webhook.host,
                            &settings.webhook.public_url,
                            &settings.webhook.path,
                            &settings.webhook.certificate_arn,
                            &settings.webhook.ingress_class_name,
                            &settings.pull_requests,
                            &settings.forks,
                            &settings.argo_version,
                            &settings.argo_server_url,
                            &settings.permissions_boundary_arn,
                            &settings.kms_key_arn,
                            &settings.alarm_topic_arn,
                            &settings.long_running_after}) {
    *text = x;
  }
  settings.artifact_retention_days = 1;
  settings.log_retention_days = 1;
  settings.audit_trail = true;
  settings.images = {{"default", x}};
  settings.webhook.annotations = {{"a", x}};
  settings.resources = {
      {"build", {.cpu_request = x, .memory_request = x, .cpu_limit = x, .memory_limit = x}}};
  const pipeline::Layer layer = pipeline::code_layer(settings);
  for (const pipeline::SettingInfo& setting : pipeline::setting_table())
    EXPECT_EQ(layer.values.count(setting.key), 1U) << setting.key;
}

// --- reports ------------------------------------------------------------------------------------

TEST(ExplainIam, gives_a_reason_for_every_statement) {
  const Made made(enough_and({{"auditTrail", "true"}}));
  const Value report = explain_iam_json(*made.construct);
  ASSERT_GT(report.as_array()->size(), 15U);
  for (const Value& statement : *report.as_array()) {
    EXPECT_FALSE(statement.string_or("reason", "").empty()) << doc::to_json(statement);
    EXPECT_FALSE(statement.string_or("policy", "").empty());
  }
}

TEST(ExplainIam, tells_people_who_may_do_what_where_and_why) {
  const Made made(enough());
  EXPECT_THAT(
      explain_iam_text(*made.construct),
      HasSubstr("  Allow FindArtifacts\n"
                "    because    build (find): is this commit built already? deploy-*, test-* "
                "(download): a missing artifact is 'not found' and not 'denied'\n"
                "    actions    s3:ListBucket\n"
                "    on         arn:aws:s3:::archon-agent-artifacts-111122223333-us-east-1\n"));
}

TEST(Manifests, say_how_to_fill_the_secrets_and_hold_none) {
  const Made made(enough());
  const auto yaml = made.definition->manifests();
  ASSERT_TRUE(yaml);
  EXPECT_THAT(*yaml, HasSubstr("#   aphex manifests | kubectl apply --server-side "
                               "--field-manager=aphex -f -\n"));
  EXPECT_THAT(*yaml, HasSubstr("--secret-id aphex/archon-agent/webhook "));
  EXPECT_THAT(*yaml, HasSubstr("--secret-id github-token "));
  EXPECT_THAT(*yaml, HasSubstr("kind: WorkflowTemplate"));
}

}  // namespace
}  // namespace aphex
