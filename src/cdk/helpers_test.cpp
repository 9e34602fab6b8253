// Typed helpers: what they refuse, overrides, assets, the reasons of statements.
#include <gtest/gtest.h>

#include "aphex/app.hpp"
#include "aphex/asset.hpp"
#include "aphex/cloudtrail.hpp"
#include "aphex/cloudwatch.hpp"
#include "aphex/custom_resource.hpp"
#include "aphex/iam.hpp"
#include "aphex/lambda.hpp"
#include "aphex/logs.hpp"
#include "aphex/s3.hpp"
#include "aphex/secretsmanager.hpp"
#include "aphex/stack.hpp"
#include "doc/value.hpp"

namespace aphex {
namespace {

class HelperTest : public ::testing::Test {
 protected:
  std::string problems() { return describe(app_.assemble().problems); }
  void expect_problem(std::string_view text) {
    const std::string told = problems();
    EXPECT_NE(told.find(text), std::string::npos) << told;
  }
  Value rendered(std::string_view id) {
    const Synthesis synthesis = app_.assemble();
    EXPECT_EQ(describe(synthesis.problems), "");
    const Value* found = synthesis.assembly.stacks.at(0).cloudformation.find({"Resources", id});
    return found == nullptr ? Value() : *found;
  }

  App app_{AppProps{}};
  Stack stack_{app_, "S", {.env = {.account = "111122223333", .region = "us-east-1"}}};
};

TEST_F(HelperTest, NamesAndNumbersOutOfRangeAreProblems) {
  const s3::Bucket bucket(stack_, "Bucket", {.bucket_name = "No_Capitals"});
  const logs::LogGroup logs(stack_, "Logs", {.retention_days = 31});
  const lambda::Function function(stack_, "Function", {.timeout = std::chrono::seconds(901)});
  const iam::Role role(stack_, "Role", {.role_name = std::string(65, 'r')});
  const CustomResource custom(
      stack_, "Custom",
      {.resource_type = "Mine::Thing", .service_timeout = std::chrono::seconds(3601)});
  const cloudwatch::Alarm alarm(stack_, "Alarm", {});
  const cloudtrail::Trail trail(stack_, "Trail",
                                {.management_events = cloudtrail::ManagementEvents::none});
  const secretsmanager::Secret secret(stack_, "Secret",
                                      {.generate = {.secret_string_template = "{}"}});
  expect_problem("S/Bucket: 'No_Capitals' is no name for a bucket");
  expect_problem(
      "S/Logs: CloudWatch Logs keeps nothing for exactly 31 days\n"
      "  hint: the next that it takes is 60");
  expect_problem("S/Function: a function cannot run for 901 s");
  expect_problem("S/Role: the role name 'rrr");
  expect_problem("S/Role: nobody can take the role");
  expect_problem("S/Custom: 'Mine::Thing' is no type for a custom resource");
  expect_problem("S/Custom: CloudFormation cannot wait 3601 s for an answer");
  expect_problem("S/Alarm: the alarm has no metric");
  expect_problem("S/Trail: the trail records nothing");
  expect_problem("S/Secret: a secret has a template or a key to generate, but not both");
}

TEST_F(HelperTest, StatementsKeepTheirReasons) {
  iam::PolicyStatement read;
  read.sid = "Read";
  read.actions = {"s3:GetObject"};
  read.resources = {"arn:aws:s3:::b/*"};
  read.conditions = {{.operation = "Bool", .key = "aws:SecureTransport", .value = "true"}};
  read.reason = "It reads";
  const iam::Role role(stack_, "Role",
                       {.trust = {iam::trust_service("lambda.amazonaws.com")},
                        .policies = {{.name = "reading", .statements = {read}}}});
  const std::vector<iam::StatementInTree> found = iam::statements_below(app_);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "S/Role");
  EXPECT_EQ(found[0].policy, "trust");
  EXPECT_EQ(found[0].statement.reason, "lambda.amazonaws.com takes this role");
  EXPECT_EQ(found[1].policy, "reading");
  EXPECT_EQ(found[1].statement.sid, "Read");
  EXPECT_EQ(found[1].statement.actions, read.actions);
  EXPECT_EQ(found[1].statement.resources, read.resources);
  EXPECT_EQ(found[1].statement.conditions.at(0).key, "aws:SecureTransport");
  EXPECT_EQ(found[1].statement.reason, "It reads");
  EXPECT_EQ(problems(), "");
  const Synthesis synthesis = app_.assemble();
  for (const AssemblyFile& file : synthesis.assembly.files)
    EXPECT_EQ(file.content.find("It reads"), std::string::npos) << file.path;
}

TEST_F(HelperTest, TrustOfAServiceAccountPinsSubjectAndAudience) {
  const iam::Role role(
      stack_, "Role",
      {.trust = {iam::trust_service_account({.provider_arn = "arn:aws:iam::1:oidc-provider/x",
                                             .issuer = "oidc.eks.us-east-1.amazonaws.com/id/X",
                                             .kubernetes_namespace = "ns",
                                             .service_account = "sa"})}});
  const Value document = *rendered("Role").find({"Properties", "AssumeRolePolicyDocument"});
  EXPECT_EQ(doc::to_json(*document.find("Statement")->as_array()->at(0).find("Condition")),
            R"({"StringEquals":{"oidc.eks.us-east-1.amazonaws.com/id/X:aud":"sts.amazonaws.com",)"
            R"("oidc.eks.us-east-1.amazonaws.com/id/X:sub":"system:serviceaccount:ns:sa"}})");
}

TEST_F(HelperTest, APolicyTooLongForIamIsAProblem) {
  iam::PolicyStatement statement;
  statement.resources = {"*"};
  for (int i = 0; i < 300; ++i)
    statement.actions.push_back("service:ActionNumber" + std::to_string(i));
  const iam::ManagedPolicy policy(stack_, "Policy", {.statements = {statement}});
  expect_problem("S/Policy: the policy has more than");
}

TEST_F(HelperTest, OverridesComeLastAndMerge) {
  CfnResource resource(
      stack_, "R",
      {.type = "AWS::SNS::Topic",
       .properties = Value::object(
           {{"List", Value::array({Value::object({{"A", 1}}), Value::object({{"B", 2}})})},
            {"Gone", "x"}})});
  resource.add_override("Properties.List.1.B", 3);
  resource.add_override("Properties.List.2", "appended");
  resource.add_override("Properties.Gone", nullptr);
  resource.add_property_override("With\\.Dot", true);
  resource.add_override("UpdatePolicy", Value::object({{"X", Value::object({{"Y", 1}})}}));
  resource.add_override("UpdatePolicy.X.Z", 2);
  EXPECT_EQ(doc::to_json(*rendered("R").find("Properties")),
            R"({"List":[{"A":1},{"B":3},"appended"],"With.Dot":true})");
  EXPECT_EQ(doc::to_json(*rendered("R").find("UpdatePolicy")), R"({"X":{"Y":1,"Z":2}})");
  resource.add_override("Properties.List.9.A", 1);
  resource.add_override("Properties..A", 1);
  expect_problem("the override 'Properties.List.9.A' does not fit: '9' is no place in a list of 3");
  expect_problem("the override 'Properties..A' has an empty key");
}

TEST_F(HelperTest, AssetsAreUploadedOnceUnderTheirHash) {
  const FileAsset one(stack_, "One", {.content = "hello\n", .extension = "txt"});
  const FileAsset two(stack_, "Two", {.content = "hello\n", .extension = ".txt"});
  constexpr std::string_view kHash =
      "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
  EXPECT_EQ(one.sha256(), kHash);
  EXPECT_EQ(one.object_key(), Value(std::string(kHash) + ".txt"));
  EXPECT_EQ(one.bucket_name(), Value("cdk-hnb659fds-assets-111122223333-us-east-1"));
  EXPECT_EQ(one.http_url(), Value("https://s3.us-east-1.amazonaws.com/"
                                  "cdk-hnb659fds-assets-111122223333-us-east-1/" +
                                  std::string(kHash) + ".txt"));
  const Synthesis synthesis = app_.assemble();
  const AssemblyFile* file = synthesis.assembly.find_file("asset." + std::string(kHash) + ".txt");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->content, "hello\n");
  const auto manifest = doc::parse_json(synthesis.assembly.find_file("S.assets.json")->content);
  EXPECT_EQ(manifest->find("files")->as_object()->size(), 2U);  // with the template
}

TEST_F(HelperTest, AssetsOfAnUnknownEnvironmentAreFoundAtDeployment) {
  Stack anywhere(app_, "Anywhere");
  const FileAsset asset(anywhere, "Asset", {.content = "x"});
  EXPECT_EQ(asset.bucket_name(), fn_sub("cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"));
}

TEST_F(HelperTest, BoundariesAreForRolesThatHaveNoneOfTheirOwn) {
  StackProps props;
  props.permissions_boundary = "team-${Qualifier}";
  Stack bounded(app_, "Bounded", props);
  const auto trust = iam::trust_service("lambda.amazonaws.com");
  const iam::Role plain(bounded, "Plain", {.trust = {trust}});
  const iam::Role own(bounded, "Own", {.trust = {trust}, .permissions_boundary = "arn:own"});
  const Synthesis synthesis = app_.assemble();
  const Value& resources =
      *synthesis.assembly.find_stack("Bounded")->cloudformation.find("Resources");
  EXPECT_EQ(*resources.find({"Plain", "Properties", "PermissionsBoundary"}),
            fn_sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/team-hnb659fds"));
  EXPECT_EQ(*resources.find({"Own", "Properties", "PermissionsBoundary"}), Value("arn:own"));
}

TEST_F(HelperTest, ThresholdsThatAreWholeAreWrittenWhole) {
  const cloudwatch::Alarm alarm(
      stack_, "Alarm",
      {.metric_namespace = "N", .metric_name = "M", .statistic = "p99", .threshold = 3});
  EXPECT_EQ(*rendered("Alarm").find({"Properties", "Threshold"}), Value(3));
  EXPECT_EQ(*rendered("Alarm").find({"Properties", "ExtendedStatistic"}), Value("p99"));
}

}  // namespace
}  // namespace aphex
