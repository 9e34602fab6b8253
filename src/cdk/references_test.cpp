#include "cdk/references.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "aphex/app.hpp"
#include "aphex/cfn.hpp"
#include "aphex/stack.hpp"
#include "doc/value.hpp"

namespace aphex {
namespace {

const Environment kHere{.account = "111122223333", .region = "us-east-1"};

CfnResourceProps topic(Value properties = {}) {
  return {.type = "AWS::SNS::Topic", .properties = std::move(properties)};
}

std::string problems(const App& app) {
  return describe(app.assemble().problems);
}

Value property(const App& app, std::string_view stack, std::string_view id, std::string_view name) {
  const Synthesis synthesis = app.assemble();
  EXPECT_EQ(describe(synthesis.problems), "");
  const AssembledStack* found = synthesis.assembly.find_stack(stack);
  const Value* value = found == nullptr
                           ? nullptr
                           : found->cloudformation.find({"Resources", id, "Properties", name});
  return value == nullptr ? Value() : *value;
}

TEST(References, BecomeRefAndGetAttWithinAStack) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  const CfnResource a(stack, "A", topic());
  const CfnResource b(stack, "B", topic(Value::object({{"N", a.ref()}, {"M", a.get_att("Arn")}})));
  EXPECT_EQ(property(app, "S", "B", "N"), Value::object({{"Ref", "A"}}));
  EXPECT_EQ(property(app, "S", "B", "M"),
            Value::object({{"Fn::GetAtt", Value::array({"A", "Arn"})}}));
}

TEST(References, FollowAnOverriddenLogicalId) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  CfnResource a(stack, "A", topic());
  const CfnResource b(stack, "B", topic(Value::object({{"N", a.ref()}})));
  a.override_logical_id("Chosen");
  EXPECT_EQ(property(app, "S", "B", "N"), Value::object({{"Ref", "Chosen"}}));
}

TEST(References, AcrossStacksAreExportsAndAnOrder) {
  App app(AppProps{});
  Stack from(app, "From", {.env = kHere});
  Stack to(app, "To", {.env = kHere});
  const CfnResource a(from, "A", topic());
  const CfnResource b(to, "B", topic(Value::object({{"N", a.ref()}, {"M", a.ref()}})));
  EXPECT_EQ(property(app, "To", "B", "N"),
            Value::object({{"Fn::ImportValue", "From:ExportsOutputRefABDCE71D8"}}));
  const Synthesis synthesis = app.assemble();
  const Value& producer = synthesis.assembly.find_stack("From")->cloudformation;
  EXPECT_EQ(producer.find("Outputs")->as_object()->size(), 1U);
  const auto manifest = doc::parse_json(synthesis.assembly.find_file("manifest.json")->content);
  EXPECT_EQ(*manifest->find({"artifacts", "To", "dependencies"}),
            Value::array({"From", "To.assets"}));
}

TEST(References, AcrossAccountsOrRegionsAreAnErrorThatNamesBoth) {
  App app(AppProps{});
  Stack from(app, "From", {.env = kHere});
  Stack to(app, "To", {.env = {.account = "111122223333", .region = "eu-west-1"}});
  const CfnResource a(from, "A", topic());
  const CfnResource b(to, "B", topic(Value::object({{"N", a.ref()}})));
  EXPECT_EQ(problems(app),
            "error: To/B: refers to 'From/A' in aws://111122223333/us-east-1, but this stack is in "
            "aws://111122223333/eu-west-1\n"
            "  hint: CloudFormation exports reach stacks of one account and region: give the "
            "resource a name of your own and pass that");
}

TEST(References, ToWhatIsGoneAreAnError) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  Value token;
  {
    const CfnResource passing(stack, "Passing", topic());
    token = passing.ref();
  }
  const CfnResource b(stack, "B", topic(Value::object({{"N", token}})));
  EXPECT_EQ(problems(app),
            "error: S/B: refers to 'S/Passing', which is not in this application\n"
            "  hint: a construct has to live until the application is synthesized");
}

TEST(References, WrittenByHandAreChecked) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  const CfnResource known(stack, "Known", topic());
  const CfnResource b(
      stack, "B",
      topic(Value::object(
          {{"A", Value::object({{"Ref", "Known"}})},
           {"B", Value::object({{"Ref", "Nobody"}})},
           {"C", fn_sub("${Known.Arn} ${AWS::Region} ${!Text} ${Own} ${Missing}", {{"Own", "x"}})},
           {"D", Value::object({{"Fn::GetAtt", "Gone.Arn"}})}})));
  const Synthesis synthesis = app.assemble();
  ASSERT_EQ(synthesis.problems.size(), 3U);
  EXPECT_EQ(synthesis.problems[0].message,
            "refers to the logical id 'Nobody', which stack 'S' does not have");
  EXPECT_EQ(synthesis.problems[1].message,
            "refers to the logical id 'Missing', which stack 'S' does not have");
  EXPECT_EQ(synthesis.problems[2].message,
            "refers to the logical id 'Gone', which stack 'S' does not have");
}

TEST(References, InACircleAreAnErrorThatShowsTheCircle) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  CfnResource a(stack, "A", topic());
  const CfnResource b(stack, "B", topic(Value::object({{"N", a.ref()}})));
  a.set_property("N", b.ref());
  EXPECT_EQ(problems(app),
            "error: S/A: resources need one another in a circle: S/A → S/B → S/A\n"
            "  hint: CloudFormation creates what is needed first: take one of these references "
            "away");
}

TEST(References, StacksInACircleAreAnError) {
  App app(AppProps{});
  Stack one(app, "One", {.env = kHere});
  Stack two(app, "Two", {.env = kHere});
  CfnResource a(one, "A", topic());
  const CfnResource b(two, "B", topic(Value::object({{"N", a.ref()}})));
  a.set_property("N", b.ref());
  EXPECT_NE(problems(app).find("error: One: stacks need one another in a circle: One → Two → One"),
            std::string::npos);
}

TEST(References, AcrossStagesAreAnError) {
  App app(AppProps{});
  Stage stage(app, "Prod", {.env = kHere});
  Stack from(app, "From", {.env = kHere});
  Stack to(stage, "To");
  const CfnResource a(from, "A", topic());
  const CfnResource b(to, "B", topic(Value::object({{"N", a.ref()}})));
  EXPECT_NE(problems(app).find("error: Prod/To/B: refers to 'From/A', which is in another stage"),
            std::string::npos);
}

TEST(Texts, AreJoinedAsFarAsTheyAreKnown) {
  EXPECT_EQ(fn_join("-", {"a", "b", "c"}), Value("a-b-c"));
  EXPECT_EQ(concat({"", pseudo::region(), ""}), pseudo::region());
  EXPECT_EQ(concat({"a", concat({"b", pseudo::region()}), "c", "d"}),
            Value::object(
                {{"Fn::Join", Value::array({"", Value::array({"ab", pseudo::region(), "cd"})})}}));
  EXPECT_EQ(fn_select(1, Value::array({"a", "b"})), Value("b"));
}

TEST(Texts, JsonHasItsTokensWhereTheyStand) {
  const Value body = Value::object({{"name", pseudo::stack_name()}, {"n", 1}, {"gone", nullptr}});
  EXPECT_EQ(to_json_text(body), concat({"{\"name\":\"", pseudo::stack_name(), "\",\"n\":1}"}));
  EXPECT_EQ(to_json_text(Value::object({{"a", "b\"c"}})), Value("{\"a\":\"b\\\"c\"}"));
}

TEST(Texts, ForPeopleNameWhatATokenIsOf) {
  App app(AppProps{});
  Stack stack(app, "S", {.env = kHere});
  const CfnResource a(stack, "A", topic());
  EXPECT_EQ(text_for_people(concat({a.get_att("Arn"), "/*"})), "${S/A.Arn}/*");
  EXPECT_EQ(text_for_people(pseudo::account_id()), "${AWS::AccountId}");
}

// --- properties ---------------------------------------------------------------------------------

// A tree of resources: each number says below which earlier construct the next one is made.
struct Tree {
  App app{AppProps{}};
  Stack stack{app, "S", {.env = kHere}};
  std::vector<CfnResource*> resources;

  explicit Tree(const std::vector<std::uint8_t>& shape) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      Construct& scope = i == 0 || shape[i] == 0 ? static_cast<Construct&>(stack)
                                                 : *resources[shape[i] % resources.size()];
      Value properties = Value::object();
      if (i > 0) properties.set("Other", resources[shape[i] % i]->ref());
      resources.push_back(&scope.make<CfnResource>(
          "R" + std::to_string(i % 7) + "x" + std::to_string(i), topic(std::move(properties))));
    }
  }
};

RC_GTEST_PROP(Templates, HaveALogicalIdForEachResourceAndEveryReferenceResolves,
              (std::vector<std::uint8_t> shape)) {
  Tree tree(shape);
  const Synthesis synthesis = tree.app.assemble();
  RC_ASSERT(describe(synthesis.problems).empty());
  const Value& cloudformation = synthesis.assembly.stacks.at(0).cloudformation;
  const Value::Object& resources = *cloudformation.find("Resources")->as_object();
  std::set<std::string> ids;
  for (const Member& member : resources)
    ids.insert(member.first);
  RC_ASSERT(ids.size() == shape.size());
  for (const Member& member : resources) {
    const Value* reference = member.second.find({"Properties", "Other", "Ref"});
    if (reference != nullptr) RC_ASSERT(ids.contains(*reference->as_string()));
  }
}

RC_GTEST_PROP(Templates, AreTheSameBytesEveryTime, (std::vector<std::uint8_t> shape)) {
  const Synthesis first = Tree(shape).app.assemble();
  Tree again(shape);
  RC_ASSERT(again.app.assemble().ok());
  const Synthesis second = again.app.assemble();
  RC_ASSERT(first.assembly.files.size() == second.assembly.files.size());
  for (std::size_t i = 0; i < first.assembly.files.size(); ++i) {
    RC_ASSERT(first.assembly.files[i].path == second.assembly.files[i].path);
    RC_ASSERT(first.assembly.files[i].content == second.assembly.files[i].content);
  }
}

}  // namespace
}  // namespace aphex
