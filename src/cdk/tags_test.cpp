#include "aphex/tags.hpp"

#include <gtest/gtest.h>

#include "aphex/app.hpp"
#include "aphex/cfn.hpp"
#include "aphex/stack.hpp"
#include "cdk/tag_table.hpp"
#include "doc/value.hpp"

namespace aphex {
namespace {

const Environment kHere{.account = "111122223333", .region = "us-east-1"};

class TagTest : public ::testing::Test {
 protected:
  std::string tags_of(std::string_view id, std::string_view property = "Tags") {
    const Synthesis synthesis = app_.assemble();
    EXPECT_EQ(describe(synthesis.problems), "");
    const Value* value = synthesis.assembly.stacks.at(0).cloudformation.find(
        {"Resources", id, "Properties", property});
    return value == nullptr ? "none" : doc::to_json(*value);
  }

  CfnResource& add(std::string id, std::string type, Value properties = {}) {
    return stack_.make<CfnResource>(
        std::move(id),
        CfnResourceProps{.type = std::move(type), .properties = std::move(properties)});
  }

  App app_{AppProps{}};
  Stack stack_{app_, "S", {.env = kHere}};
};

TEST_F(TagTest, EachTypeHasItsOwnForm) {
  Tags::of(app_).add("Project", "p");
  add("List", "AWS::S3::Bucket");
  add("Map", "AWS::SSM::Parameter");
  add("Launch", "AWS::AutoScaling::AutoScalingGroup");
  add("Named", "AWS::Cognito::UserPool");
  add("None", "AWS::IAM::Policy");
  EXPECT_EQ(tags_of("List"), R"([{"Key":"Project","Value":"p"}])");
  EXPECT_EQ(tags_of("Map"), R"({"Project":"p"})");
  EXPECT_EQ(tags_of("Launch"), R"([{"Key":"Project","Value":"p","PropagateAtLaunch":true}])");
  EXPECT_EQ(tags_of("Named", "UserPoolTags"), R"({"Project":"p"})");
  EXPECT_EQ(tags_of("None"), "none");
}

TEST_F(TagTest, TheNearerTagWinsAndAHigherPriorityMore) {
  Tags::of(app_).add("A", "far").add("B", "far", {.priority = 300});
  Tags::of(stack_).add("A", "near").add("B", "near");
  add("Bucket", "AWS::S3::Bucket");
  EXPECT_EQ(tags_of("Bucket"), R"([{"Key":"A","Value":"near"},{"Key":"B","Value":"far"}])");
}

TEST_F(TagTest, TypesCanBeLeftOutAndTagsTakenAway) {
  Tags::of(app_)
      .add("All", "x")
      .add("Buckets", "x", {.include_types = {"AWS::S3::Bucket"}})
      .add("Others", "x", {.exclude_types = {"AWS::S3::Bucket"}});
  CfnResource& topic = add("Topic", "AWS::SNS::Topic");
  add("Bucket", "AWS::S3::Bucket");
  Tags::of(topic).remove("All");
  EXPECT_EQ(tags_of("Topic"), R"([{"Key":"Others","Value":"x"}])");
  EXPECT_EQ(tags_of("Bucket"), R"([{"Key":"All","Value":"x"},{"Key":"Buckets","Value":"x"}])");
}

TEST_F(TagTest, TagsThatDeploymentMakesAreLeftAlone) {
  Tags::of(app_).add("A", "x");
  const Value made = Value::array({Value::object({{"Key", "B"}, {"Value", pseudo::region()}})});
  add("Bucket", "AWS::S3::Bucket", Value::object({{"Tags", made}}));
  EXPECT_EQ(tags_of("Bucket"), R"([{"Key":"B","Value":{"Ref":"AWS::Region"}}])");
}

TEST_F(TagTest, WrongTagsAreProblems) {
  Tags::of(app_).add("", "x").add("aws:own", "x").add("Long", std::string(257, 'x'));
  EXPECT_EQ(app_.node().problems_of_tree().size(), 3U);
}

TEST_F(TagTest, AResourceCarriesAtMostFifty) {
  for (int i = 0; i < 51; ++i)
    Tags::of(app_).add("Key" + std::to_string(i), "x");
  add("Bucket", "AWS::S3::Bucket");
  const std::string told = describe(app_.assemble().problems);
  EXPECT_NE(told.find("error: S/Bucket: has 51 tags, and AWS takes 50"), std::string::npos) << told;
  EXPECT_NE(told.find("error: S: has 51 tags, and AWS takes 50"), std::string::npos) << told;
}

TEST(TagTable, KnowsTheTypesThatCarryTags) {
  ASSERT_NE(cdk::find_tag_property("AWS::S3::Bucket"), nullptr);
  EXPECT_EQ(cdk::find_tag_property("AWS::S3::Bucket")->name, "Tags");
  EXPECT_EQ(cdk::find_tag_property("AWS::SSM::Parameter")->form, cdk::TagForm::map);
  EXPECT_EQ(cdk::find_tag_property("AWS::S3::BucketPolicy"), nullptr);
  EXPECT_EQ(cdk::find_tag_property("Custom::Thing"), nullptr);
}

}  // namespace
}  // namespace aphex
