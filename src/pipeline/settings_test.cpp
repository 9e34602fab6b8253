#include "pipeline/settings.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "pipeline/names.hpp"
#include "pipeline/test_support.hpp"

namespace aphex::pipeline {
namespace {

using namespace testing_support;  // NOLINT: the tests' own words
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Settings, defaults_are_the_names_of_the_design) {
  const Resolution resolution = resolve_flags(enough());
  ASSERT_THAT(messages(resolution.problems), IsEmpty());
  const Settings& settings = *resolution.settings;
  EXPECT_EQ(settings.stack_name, "ArchonAgentPipelineStack");
  EXPECT_EQ(settings.workflow_role_name, "ArchonAgentWorkflowExecutionRole");
  EXPECT_EQ(settings.artifact_bucket, "archon-agent-artifacts-111122223333-us-east-1");
  EXPECT_EQ(settings.kubernetes.names.workflow_template, "archon-agent-pipeline");
  EXPECT_EQ(settings.kubernetes.names.event_source, "archon-agent-github");
  EXPECT_EQ(settings.kubernetes.names.sensor, "archon-agent-sensor");
  EXPECT_EQ(settings.kubernetes.names.executor_account, "archon-agent-workflow-executor");
  EXPECT_EQ(settings.kubernetes.github.branch, "main");
  EXPECT_EQ(settings.kubernetes.name_space, "argo");
  EXPECT_EQ(settings.export_prefix, "AphexCluster-arbiter-");
  EXPECT_EQ(settings.retention_days, 90);
  EXPECT_EQ(settings.account, "111122223333");
  EXPECT_EQ(settings.region, "us-east-1");
}

TEST(Settings, a_stack_name_begins_with_a_letter_whatever_the_pipeline_is_called) {
  const Resolution resolution = resolve_flags(enough_and({{"name", "2048-game"}}));
  ASSERT_THAT(messages(resolution.problems), IsEmpty());
  EXPECT_EQ(resolution.settings->stack_name, "Aphex2048GamePipelineStack");
}

TEST(Settings, of_china_are_in_its_partition) {
  std::string text(kConfiguration);
  text.replace(text.find("us-east-1"), 9, "cn-north-1");
  const Resolution resolution = resolve_flags(enough(), text);
  ASSERT_THAT(messages(resolution.problems), IsEmpty());
  EXPECT_EQ(resolution.settings->workflow_role_arn(),
            "arn:aws-cn:iam::111122223333:role/ArchonAgentWorkflowExecutionRole");
}

TEST(Settings, a_later_layer_wins) {
  const config::Config config =
      configuration(std::string(kConfiguration) + "pipeline: {githubBranch: from-file}\n");
  const auto branch = [&](std::vector<Layer> layers) {
    layers.push_back(texts(LayerKind::code, enough()));
    const Resolution resolution = resolve(config, "x", std::move(layers));
    EXPECT_THAT(messages(resolution.problems), IsEmpty());
    return resolution.settings ? resolution.settings->kubernetes.github.branch : "";
  };
  const Layer code = texts(LayerKind::code, {{"githubBranch", "from-code"}});
  const Layer context = context_layer(Value::object({{"githubBranch", "from-context"}}));
  const Layer environment = environment_layer({{"APHEX_GITHUB_BRANCH", "from-environment"}});
  const Layer flags = texts(LayerKind::flags, {{"githubBranch", "from-flags"}});
  EXPECT_EQ(branch({code}), "from-file");
  EXPECT_EQ(branch({context, code}), "from-context");
  EXPECT_EQ(branch({environment, context, code}), "from-environment");
  EXPECT_EQ(branch({flags, environment, context, code}), "from-flags");
}

TEST(Settings, the_plan_has_the_name_and_the_qualifier_that_stand) {
  const Resolution resolution =
      resolve_flags(enough_and({{"name", "other"}, {"bootstrapQualifier", "acme"}}));
  ASSERT_THAT(messages(resolution.problems), IsEmpty());
  EXPECT_EQ(resolution.plan->pipeline, "other");
  EXPECT_EQ(resolution.plan->bootstrap_qualifier, "acme");
}

TEST(Settings, context_of_common_words_needs_its_prefix) {
  const Layer layer = context_layer(Value::object({{"name", "of-the-application"},
                                                   {"aphex:region", "eu-west-1"},
                                                   {"aphex:sensorName", "a"},
                                                   {"sensorName", "b"}}));
  EXPECT_EQ(layer.values.count("name"), 0U);
  EXPECT_EQ(layer.values.at("region"), Value("eu-west-1"));
  EXPECT_EQ(layer.values.at("sensorName"), Value("a"));
}

TEST(Settings, context_may_be_an_object_or_a_path) {
  const Layer object =
      context_layer(Value::object({{"aphex:webhook", Value::object({{"host", "a.example.com"}})}}));
  const Layer path = context_layer(Value::object({{"aphex:webhook.host", "a.example.com"}}));
  EXPECT_EQ(object.values, path.values);
  EXPECT_EQ(object.values.at("webhook.host"), Value("a.example.com"));
}

TEST(Settings, an_empty_variable_sets_nothing) {
  EXPECT_THAT(environment_layer({{"APHEX_CLUSTER_NAME", ""}}).values, IsEmpty());
}

TEST(Settings, texts_become_what_the_setting_is) {
  const Resolution resolution =
      resolve_flags(enough_and({{"artifactRetentionDays", "30"},
                                {"auditTrail", "true"},
                                {"images", "default=a/b:1, deploy-dev=c/d:2"},
                                {"resources", R"({"build": {"memoryRequest": "4Gi"}})"}}));
  ASSERT_THAT(messages(resolution.problems), IsEmpty());
  const Settings& settings = *resolution.settings;
  EXPECT_EQ(settings.retention_days, 30);
  EXPECT_EQ(settings.audit_trail, AuditTrail::on);
  EXPECT_EQ(settings.kubernetes.images.at("deploy-dev"), "c/d:2");
  EXPECT_EQ(settings.kubernetes.resources.at("build").memory_request, "4Gi");
}

TEST(Settings, every_setting_has_its_own_name_everywhere) {
  std::set<std::string> names;
  for (const SettingInfo& setting : setting_table()) {
    EXPECT_TRUE(names.insert(setting.flag).second) << setting.flag;
    EXPECT_TRUE(names.insert(setting.variable).second) << setting.variable;
    EXPECT_TRUE(names.insert(setting.context_key).second) << setting.context_key;
  }
  const SettingInfo& setting = *find_setting("webhook.certificateArn");
  EXPECT_EQ(setting.flag, "--webhook-certificate-arn");
  EXPECT_EQ(setting.variable, "APHEX_WEBHOOK_CERTIFICATE_ARN");
  EXPECT_EQ(setting.context_key, "aphex:webhook.certificateArn");
}

// --- what is wrong ------------------------------------------------------------------------------

TEST(SettingProblems, all_that_is_missing_is_named_at_once) {
  const Resolution resolution = resolve_flags({});
  EXPECT_FALSE(resolution.settings);
  EXPECT_THAT(
      messages(resolution.problems),
      ElementsAre("clusterName is missing", "githubOwner is missing", "githubRepo is missing",
                  "githubTokenSecretName is missing",
                  "the cluster's OIDC issuer is missing: the workflow role's trust policy names it "
                  "literally, so it cannot be imported from the cluster's stack"));
  EXPECT_EQ(resolution.problems.front().hint,
            "set pipeline.clusterName in the configuration, -c clusterName=…, APHEX_CLUSTER_NAME "
            "or --cluster-name");
}

TEST(SettingProblems, each_layer_is_blamed_for_its_own) {
  const Resolution resolution =
      resolve(configuration(std::string(kConfiguration)), "x",
              {texts(LayerKind::code, enough()), texts(LayerKind::code, {{"sensorName", "A"}}),
               context_layer(Value::object({{"logRetentionDays", 2}})),
               environment_layer({{"APHEX_AUDIT_TRAIL", "yes"}}),
               texts(LayerKind::flags,
                     {{"artifactRetentionDays", "0"}, {"kmsKeyArn", "arn:aws:s3:::bucket"}})});
  EXPECT_THAT(
      messages(resolution.problems),
      ElementsAre(
          "the program: sensorName must be at most 63 lower-case letters, digits and '-', the ends "
          "no '-', not 'A'",
          "--artifact-retention-days: artifactRetentionDays must be an integer from 1 to 3650, not "
          "'0'",
          "--kms-key-arn: kmsKeyArn must be the ARN of a KMS key, not 'arn:aws:s3:::bucket'",
          "context logRetentionDays: logRetentionDays must be one of 1, 3, 5, 7, 14, 30, 60, 90, "
          "120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, not '2'",
          "APHEX_AUDIT_TRAIL: auditTrail must be true or false, not 'yes'"));
  EXPECT_EQ(resolution.problems[2].hint,
            "for example arn:aws:kms:us-east-1:123456789012:key/"
            "1234abcd-12ab-34cd-56ef-1234567890ab");
  EXPECT_EQ(resolution.problems[4].hint, "correct or remove APHEX_AUDIT_TRAIL");
}

TEST(SettingProblems, a_wrong_value_is_reported_even_where_another_layer_wins) {
  const Resolution resolution = resolve(
      configuration(std::string(kConfiguration)), "x",
      {environment_layer({{"APHEX_CLUSTER_NAME", "a b"}}), texts(LayerKind::flags, enough())});
  EXPECT_THAT(messages(resolution.problems),
              ElementsAre("APHEX_CLUSTER_NAME: clusterName must be at most 100 letters, digits, "
                          "'_' and '-', not 'a b'"));
}

struct WrongTogether {
  Texts flags;
  std::string message;
  std::string hint;
};

class SettingsTogether : public testing::TestWithParam<WrongTogether> {};

TEST_P(SettingsTogether, that_do_not_fit_are_explained) {
  const Resolution resolution = resolve_flags(enough_and(GetParam().flags));
  ASSERT_THAT(messages(resolution.problems), ElementsAre(GetParam().message));
  EXPECT_EQ(resolution.problems.front().hint, GetParam().hint);
}

INSTANTIATE_TEST_SUITE_P(
    Problems, SettingsTogether,
    testing::Values(
        WrongTogether{{{"region", "us-est-1"}},
                      "--region: region 'us-est-1' is no AWS region",
                      "did you mean us-east-1?"},
        WrongTogether{
            {{"oidcProviderArn",
              "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/OTHER"}},
            "--oidc-issuer: oidcIssuer 'oidc.eks.us-east-1.amazonaws.com/id/ABC123' is not the "
            "issuer of arn:aws:iam::111122223333:oidc-provider/"
            "oidc.eks.us-east-1.amazonaws.com/id/OTHER (--oidc-provider-arn)",
            "one of the two is enough"},
        WrongTogether{{{"kubectlRoleArn", "arn:aws-cn:iam::111122223333:role/kubectl"}},
                      "--kubectl-role-arn: kubectlRoleArn "
                      "'arn:aws-cn:iam::111122223333:role/kubectl' is of partition aws-cn, and "
                      "region us-east-1 is of aws",
                      "name one of the pipeline's own partition"},
        WrongTogether{{{"alarmTopicArn", "arn:aws:sns:eu-west-1:111122223333:alarms"}},
                      "--alarm-topic-arn: alarmTopicArn 'arn:aws:sns:eu-west-1:111122223333:alarms'"
                      " is in eu-west-1, and the pipeline in us-east-1",
                      "name one of the pipeline's own region"},
        WrongTogether{{{"artifactBucketName", "sthree-mine"}},
                      "--artifact-bucket-name: artifactBucketName 'sthree-mine' begins with "
                      "'sthree-', which S3 keeps for itself",
                      "choose another name"},
        WrongTogether{{{"artifactBucketName", "my.bucket"}},
                      "--artifact-bucket-name: artifactBucketName 'my.bucket' has a '.': the "
                      "certificate of S3 does not cover such names, and the bucket takes TLS only",
                      "use '-' instead"},
        WrongTogether{{{"webhook.type", "ingress"}},
                      "webhook.host is missing: an ingress needs the host name that GitHub calls",
                      "set pipeline.webhook.host in the configuration, -c aphex:webhook.host=…, "
                      "APHEX_WEBHOOK_HOST or --webhook-host"},
        WrongTogether{{{"webhook.annotations", "a=b"}},
                      "--webhook-annotations: webhook.annotations has no effect with webhook.type "
                      "none",
                      "set webhook.type to ingress or loadbalancer, or remove it"},
        WrongTogether{{{"images", "biuld=a/b"}},
                      "--images: images names 'biuld', which is no stage of this pipeline",
                      "did you mean build?"}));

// --- names --------------------------------------------------------------------------------------

TEST(Names, are_cut_with_a_hash_where_they_are_too_long) {
  EXPECT_EQ(bounded_name("short", 10), "short");
  const std::string a = bounded_name(std::string(80, 'a') + "1", 40);
  const std::string b = bounded_name(std::string(80, 'a') + "2", 40);
  EXPECT_EQ(a.size(), 40U);
  EXPECT_NE(a, b);
}

TEST(Names, of_repositories_become_names_of_pipelines) {
  EXPECT_EQ(pipeline_name("ArchonAgent"), "archonagent");
  EXPECT_EQ(pipeline_name("My.Repo_1"), "my-repo-1");
  EXPECT_EQ(pipeline_name("..."), "pipeline");
}

TEST(Names, keep_a_dash_that_no_capital_can_stand_for) {
  EXPECT_EQ(pascal_name("archon-agent"), "ArchonAgent");
  EXPECT_EQ(pascal_name("a-1"), "A-1");
  EXPECT_EQ(pascal_name("a1"), "A1");
  EXPECT_EQ(pascal_name("a--b"), "A-B");
}

rc::Gen<std::string> any_pipeline_name() {
  const auto letter = rc::gen::elementOf(std::string("ab1-"));
  return rc::gen::map(rc::gen::resize(12, rc::gen::container<std::string>(letter)),
                      [](const std::string& middle) { return "a" + middle + "z"; });
}

// Of everything that has a name in the account or on the cluster.
std::vector<std::string> names_of(const std::string& pipeline) {
  const Settings settings = *resolve_flags(enough_and({{"name", pipeline}})).settings;
  const argo::Names& names = settings.kubernetes.names;
  return {settings.stack_name,      settings.workflow_role_name,
          settings.artifact_bucket, settings.webhook_secret,
          settings.log_group,       settings.alarm_topic_name,
          settings.trail_bucket,    names.workflow_template,
          names.event_source,       names.sensor,
          names.executor_account,   names.webhook_service,
          names.webhook_secret,     settings.kubernetes.webhook.path};
}

RC_GTEST_PROP(Names, of_two_pipelines_never_meet, ()) {
  const std::string one = *any_pipeline_name();
  const std::string two = *any_pipeline_name();
  RC_PRE(one != two);
  const std::vector<std::string> of_one = names_of(one);
  const std::vector<std::string> of_two = names_of(two);
  for (std::size_t i = 0; i < of_one.size(); ++i)
    RC_ASSERT(of_one[i] != of_two[i]);
}

TEST(Names, of_the_longest_pipeline_keep_every_limit) {
  const std::string longest(40, 'x');
  const Resolution resolution =
      resolve_flags(enough_and({{"name", longest}, {"region", "ap-southeast-7"}}));
  ASSERT_THAT(messages(resolution.problems), IsEmpty());
  const Settings& settings = *resolution.settings;
  EXPECT_LE(settings.artifact_bucket.size(), 63U);
  EXPECT_TRUE(settings.artifact_bucket.ends_with("-111122223333-ap-southeast-7"));
  EXPECT_LE(settings.workflow_role_name.size(), 64U);
  EXPECT_LE(settings.kubernetes.names.event_source.size(), 47U);
}

}  // namespace
}  // namespace aphex::pipeline
