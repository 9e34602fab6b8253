// What CloudFormation would refuse, and names that are taken twice.
#include "cdk/checks.hpp"

#include <gtest/gtest.h>

#include "aphex/app.hpp"
#include "aphex/asset.hpp"
#include "aphex/cfn.hpp"
#include "aphex/stack.hpp"

namespace aphex {
namespace {

const Environment kHere{.account = "111122223333", .region = "us-east-1"};

CfnResourceProps topic() {
  return {.type = "AWS::SNS::Topic", .properties = {}};
}

std::string problems(const App& app) {
  const Synthesis synthesis = app.assemble();
  EXPECT_TRUE(synthesis.ok() || synthesis.assembly.files.empty());
  return describe(synthesis.problems);
}

void add_topics(Stack& stack, int count) {
  for (int i = 0; i < count; ++i)
    stack.make<CfnResource>("T" + std::to_string(i), topic());
}

TEST(Limits, FiveHundredResourcesAreTheMost) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  add_topics(stack, 500);
  EXPECT_EQ(problems(app), "");
  stack.make<CfnResource>("OneMore", topic());
  EXPECT_EQ(problems(app),
            "error: S: stack 'S' has 501 resources, and CloudFormation takes 500\n"
            "  hint: split the stack: what is rarely changed can move to a stack of its own");
}

TEST(Limits, ReferencesFromOtherStacksCountAsOutputs) {
  App app(AppProps{});
  Stack from(app, "From", {.env = kHere});
  Stack to(app, "To", {.env = kHere});
  for (int i = 0; i < 199; ++i)
    from.make<CfnOutput>("O" + std::to_string(i), CfnOutputProps{.value = "x"});
  const CfnResource a(from, "A", topic());
  CfnResource b(to, "B", topic());
  b.set_property("One", a.ref());
  EXPECT_EQ(problems(app), "");
  b.set_property("Two", a.get_att("TopicName"));
  EXPECT_NE(problems(app).find("stack 'From' has 201 outputs, and CloudFormation takes 200"),
            std::string::npos);
}

TEST(Limits, ParametersCountTheBootstrapVersion) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  for (int i = 0; i < 199; ++i)
    stack.make<CfnParameter>("P" + std::to_string(i));
  EXPECT_EQ(problems(app), "");
  stack.make<CfnParameter>("OneMore");
  EXPECT_NE(problems(app).find("stack 'S' has 201 parameters, and CloudFormation takes 200"),
            std::string::npos);
}

TEST(Limits, ATemplateHasAtMostAMillionBytes) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  CfnResource a(stack, "A", topic());
  a.set_property("Text", std::string(998'000, 'x'));
  EXPECT_EQ(problems(app), "");
  a.set_property("Text", std::string(1'000'000, 'x'));
  EXPECT_NE(problems(app).find("bytes, and CloudFormation takes 1000000"), std::string::npos);
  EXPECT_NE(problems(app).find("hint: put large texts into assets"), std::string::npos);
}

TEST(Limits, TextsAreMeasured) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere, .description = std::string(1025, 'x')});
  const CfnOutput output(
      stack, "O",
      {.value = "x", .description = std::string(1025, 'x'), .export_name = std::string(257, 'x')});
  const std::string told = problems(app);
  EXPECT_NE(told.find("error: S: the description has 1025 bytes, and CloudFormation takes 1024"),
            std::string::npos);
  EXPECT_NE(told.find("error: S/O: the description of 'O' has 1025 bytes"), std::string::npos);
  EXPECT_NE(told.find("error: S/O: the export name of 'O' has 257 bytes"), std::string::npos);
}

TEST(Names, OfStacksAreUniqueInAnAccountAndRegion) {
  App app(AppProps{});
  const Stack one(app, "One", {.stack_name = "shop", .env = kHere});
  const Stack other(
      app, "Elsewhere",
      {.stack_name = "shop", .env = {.account = "111122223333", .region = "eu-west-1"}});
  EXPECT_EQ(problems(app), "");
  const Stack two(app, "Two", {.stack_name = "shop", .env = kHere});
  EXPECT_EQ(problems(app),
            "error: Two: the stack name 'shop' is that of 'One' already, in "
            "aws://111122223333/us-east-1\n"
            "  hint: stack names are unique in an account and region");
}

TEST(Names, OfExportsAreUniqueInAnAccountAndRegion) {
  App app(AppProps{});
  Stack one(app, "One", {.env = kHere});
  Stack two(app, "Two", {.env = kHere});
  const CfnOutput first(one, "O", {.value = "x", .export_name = "shared"});
  const CfnOutput second(two, "O", {.value = "x", .export_name = "shared"});
  EXPECT_NE(problems(app).find("error: Two/O: the export 'shared' is that of 'One/O' already"),
            std::string::npos);
}

TEST(Names, OfStacksAreCheckedWithTheirEnvironment) {
  App app(AppProps{});
  const Stack stack(app, "My Stack",
                    {.env = {.account = "12", .region = "Frankfurt"},
                     .bootstrap = {.qualifier = "far-too-long"}});
  const std::string told = problems(app);
  EXPECT_NE(told.find("'My Stack' is no stack name"), std::string::npos);
  EXPECT_NE(told.find("'12' is no AWS account"), std::string::npos);
  EXPECT_NE(told.find("'Frankfurt' is no AWS region"), std::string::npos);
  EXPECT_NE(told.find("'far-too-long' is no bootstrap qualifier"), std::string::npos);
}

TEST(Names, TwoElementsCannotHaveOneLogicalId) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  CfnResource a(stack, "A", topic());
  CfnResource b(stack, "B", topic());
  b.override_logical_id("A");
  EXPECT_EQ(problems(app),
            "error: S/B: the logical id 'A' is that of 'S/A' already\n"
            "  hint: give one of them another id, or call override_logical_id()");
  a.override_logical_id("not valid");
  EXPECT_NE(problems(app).find("'not valid' is no logical id"), std::string::npos);
}

TEST(Places, ElementsAreInStacksAndStacksInApplications) {
  App app(AppProps{});
  const CfnResource lost(app, "Lost", topic());
  const FileAsset asset(app, "Asset", {.content = "x"});
  Stack stack(app, "S", {.env = kHere});
  const Stage stage(stack, "Stage");
  const std::string told = problems(app);
  EXPECT_NE(told.find("error: Lost: an element of a template is outside of any stack"),
            std::string::npos);
  EXPECT_NE(told.find("error: Asset: a file asset is outside of any stack"), std::string::npos);
  EXPECT_NE(told.find("error: S/Stage: a stage is within a stack"), std::string::npos);
}

}  // namespace
}  // namespace aphex
