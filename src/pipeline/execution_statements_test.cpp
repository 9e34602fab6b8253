#include "pipeline/execution_statements.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/pipeline_test_support.hpp"

namespace aphex::pipeline {
namespace {

using namespace testing_support;  // NOLINT: the tests' own words
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr std::string_view kThreeEnvironments =
    "version: \"1.0\"\n"
    "build: {commands: [make]}\n"
    "environments:\n"
    "  - {name: dev, region: us-east-1, account: \"111122223333\",\n"
    "     stacks: [{name: ApiStack, path: a.ts}, {name: Dev/DataStack, path: a.ts}]}\n"
    "  - {name: staging, region: us-east-1, account: \"222233334444\",\n"
    "     stacks: [{name: ApiStack, path: a.ts}]}\n"
    "  - {name: prod, region: eu-west-1, account: \"222233334444\",\n"
    "     stacks: [{name: ApiStack, path: a.ts}]}\n";

std::vector<iam::PolicyStatement> statements(const Texts& more = {},
                                             const std::vector<std::string>& images = {},
                                             std::string_view text = kThreeEnvironments) {
  const Resolution resolution = resolve_flags(enough_and(more), std::string(text));
  EXPECT_THAT(messages(resolution.problems), IsEmpty());
  return execution_statements(*resolution.settings, *resolution.plan, images);
}

const iam::PolicyStatement& of(const std::vector<iam::PolicyStatement>& list,
                               std::string_view sid) {
  static const iam::PolicyStatement kNone;
  for (const iam::PolicyStatement& statement : list) {
    if (statement.sid == sid) return statement;
  }
  ADD_FAILURE() << "no statement " << sid;
  return kNone;
}

std::vector<std::string> resources(const iam::PolicyStatement& statement) {
  std::vector<std::string> texts;
  for (const Value& resource : statement.resources)
    texts.push_back(*resource.as_string());
  return texts;
}

TEST(ExecutionStatements, each_has_a_name_of_its_own_and_a_reason_that_names_a_step) {
  std::set<std::string> names;
  for (const iam::PolicyStatement& statement :
       statements({{"kmsKeyArn", "arn:aws:kms:us-east-1:111122223333:key/1"}},
                  {"public.ecr.aws/a/b:1", "111122223333.dkr.ecr.us-east-1.amazonaws.com/c"})) {
    EXPECT_TRUE(names.insert(statement.sid).second) << statement.sid;
    EXPECT_THAT(statement.reason, testing::AnyOf(HasSubstr("stage"), HasSubstr("build"),
                                                 HasSubstr("validate"), HasSubstr("exit"),
                                                 HasSubstr("pipeline (update), deploy-*")))
        << statement.sid;
  }
}

TEST(ExecutionStatements, a_star_stands_only_where_the_action_knows_no_resource) {
  const std::set<std::string> without_resource{
      "ecr:GetAuthorizationToken", "ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken",
      "cloudwatch:PutMetricData"};
  for (const iam::PolicyStatement& statement :
       statements({}, {"public.ecr.aws/a/b:1", "1.dkr.ecr.us-east-1.amazonaws.com/c"})) {
    EXPECT_THAT(statement.actions, Each(Not(HasSubstr("*")))) << statement.sid;
    if (statement.resources == std::vector<Value>{"*"}) {
      for (const std::string& action : statement.actions)
        EXPECT_EQ(without_resource.count(action), 1U) << action;
    }
  }
}

TEST(ExecutionStatements, roles_are_assumed_of_exactly_the_configured_accounts_and_regions) {
  std::vector<std::string> expected;
  for (const std::string target :
       {"111122223333-us-east-1", "222233334444-us-east-1", "222233334444-eu-west-1"}) {
    for (const std::string kind :
         {"deploy-role", "file-publishing-role", "image-publishing-role", "lookup-role"}) {
      expected.push_back("arn:aws:iam::" + target.substr(0, 12) + ":role/cdk-acme-" + kind + "-" +
                         target);
    }
  }
  const auto list = statements({{"bootstrapQualifier", "acme"}});
  EXPECT_EQ(resources(of(list, "AssumeBootstrapRoles")), expected);
  EXPECT_EQ(of(list, "AssumeBootstrapRoles").actions, std::vector<std::string>{"sts:AssumeRole"});
}

TEST(ExecutionStatements, a_pipeline_elsewhere_deploys_to_its_own_account_too) {
  const auto list = statements({{"account", "999988887777"}, {"region", "eu-central-1"}});
  EXPECT_THAT(resources(of(list, "AssumeBootstrapRoles")),
              Contains("arn:aws:iam::999988887777:role/"
                       "cdk-hnb659fds-deploy-role-999988887777-eu-central-1"));
  EXPECT_THAT(resources(of(list, "OperateStacks")),
              ElementsAre("arn:aws:cloudformation:eu-central-1:999988887777:stack/"
                          "ArchonAgentPipelineStack/*"));
}

TEST(ExecutionStatements, passing_is_the_execution_roles_alone_and_to_cloudformation_alone) {
  const auto list = statements();
  const iam::PolicyStatement& pass = of(list, "PassExecutionRole");
  EXPECT_THAT(resources(pass), ElementsAre("arn:aws:iam::111122223333:role/"
                                           "cdk-hnb659fds-cfn-exec-role-111122223333-us-east-1"));
  ASSERT_EQ(pass.conditions.size(), 1U);
  EXPECT_EQ(pass.conditions[0].key, "iam:PassedToService");
  EXPECT_EQ(pass.conditions[0].value, Value("cloudformation.amazonaws.com"));
}

TEST(ExecutionStatements, stacks_are_the_configured_ones_of_the_own_account) {
  const std::string stack = "arn:aws:cloudformation:us-east-1:111122223333:stack/";
  EXPECT_THAT(resources(of(statements(), "OperateStacks")),
              ElementsAre(stack + "ArchonAgentPipelineStack/*", stack + "ApiStack/*",
                          stack + "Dev-DataStack/*"));
}

TEST(ExecutionStatements, the_one_secret_is_the_github_token) {
  EXPECT_THAT(resources(of(statements(), "ReadGitHubToken")),
              ElementsAre("arn:aws:secretsmanager:us-east-1:111122223333:secret:"
                          "github-token-??????"));
}

TEST(ExecutionStatements, private_images_are_pulled_from_their_repositories) {
  const auto list = statements(
      {}, {"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/run:1.2",
           "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/run@sha256:0", "ghcr.io/a/b"});
  EXPECT_THAT(resources(of(list, "PullImages")),
              ElementsAre("arn:aws:ecr:eu-west-1:111122223333:repository/team/run"));
  for (const iam::PolicyStatement& statement : list)
    EXPECT_NE(statement.sid, "LogInToPublicRegistry");
}

TEST(ExecutionStatements, a_key_is_used_through_s3_alone) {
  const iam::PolicyStatement encrypt = of(
      statements({{"kmsKeyArn", "arn:aws:kms:us-east-1:111122223333:key/1"}}), "EncryptArtifacts");
  EXPECT_THAT(encrypt.actions, UnorderedElementsAre("kms:Decrypt", "kms:GenerateDataKey"));
  ASSERT_EQ(encrypt.conditions.size(), 1U);
  EXPECT_EQ(encrypt.conditions[0].value, Value("s3.us-east-1.amazonaws.com"));
}

}  // namespace
}  // namespace aphex::pipeline
