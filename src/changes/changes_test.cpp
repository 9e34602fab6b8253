#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "changes/change_set.hpp"
#include "changes/compare.hpp"
#include "changes/permissions.hpp"
#include "changes/render.hpp"
#include "changes/replacement.hpp"
#include "changes/value_text.hpp"

namespace aphex::changes {
namespace {

using doc::Value;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Value json(std::string_view text) {
  auto value = doc::parse_json(text);
  EXPECT_TRUE(value) << (value ? "" : value.error().message);
  return *value;
}

Value with_resources(const std::string& resources) {
  return json(R"({"Resources":)" + resources + "}");
}

StackChanges between(const Value& before, const Value& after) {
  return compare({"Api", "Api", before, "", after});
}

// "~ Resources Bucket will: Properties/BucketName a → b" of each entry.
std::vector<std::string> lines(const StackChanges& stack) {
  std::vector<std::string> out;
  for (const EntryChange& entry : stack.entries) {
    std::string line = std::string(to_string(entry.change)) + " " + entry.section + " " + entry.id +
                       " " + std::string(to_string(entry.replacement));
    for (const ValueChange& change : entry.values) {
      line += " | " + change.path + ": " + change.before.value_or("-") + " → " +
              change.after.value_or("-");
    }
    out.push_back(std::move(line));
  }
  return out;
}

// "! + text [reasons]" of each.
std::vector<std::string> permissions(const Value& before, const Value& after) {
  std::vector<std::string> out;
  for (const PermissionChange& change : compare_permissions(before, after)) {
    std::string line = change.broadens ? "! " : "  ";
    line += change.change == Change::added ? "+ " : "- ";
    line += change.text;
    for (const std::string& reason : change.reasons)
      line += " [" + reason + "]";
    out.push_back(std::move(line));
  }
  return out;
}

Value role_with(const std::string& statements) {
  return with_resources(
      R"({"Role":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Statement":
      [{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]
      }}},"Policy":{"Type":"AWS::IAM::Policy","Properties":{"Roles":[{"Ref":"Role"}],
      "PolicyDocument":{"Statement":)" +
      statements + "}}}}");
}

TEST(ValueText, references_read_as_in_a_sub) {
  EXPECT_EQ(text_of(json(R"({"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::",
                            {"Fn::GetAtt":["Bucket","Arn"]},"/*"]]})")),
            "arn:${AWS::Partition}:s3:::${Bucket.Arn}/*");
  EXPECT_EQ(text_of(json(R"({"Fn::GetAtt":"Bucket.Arn"})")), "${Bucket.Arn}");
  EXPECT_EQ(text_of(json(R"({"Fn::ImportValue":"Net:Vpc"})")), "${import Net:Vpc}");
  EXPECT_EQ(text_of(json(R"({"Fn::Select":[0,{"Ref":"A"}]})")),
            R"({"Fn::Select":[0,{"Ref":"A"}]})");
  EXPECT_EQ(text_of(json("5")), "5");
  EXPECT_THAT(short_text_of(Value(std::string(3000, 'x'))),
              testing::EndsWith("… (1000 characters more)"));
}

TEST(ValueText, references_are_found_in_every_form) {
  std::vector<std::string> found;
  each_reference(json(R"([{"Ref":"A"},{"Fn::GetAtt":["B","Arn"]},{"Fn::Sub":"${C}-${D.Arn}-${!E}"},
                          {"Fn::Sub":["${F}",{"F":{"Ref":"G"}}]}])"),
                 [&](const std::string& id) { found.push_back(id); });
  EXPECT_THAT(found, ElementsAre("A", "B", "C", "D", "F", "G"));
}

TEST(Replacement, is_what_the_schemas_of_aws_say) {
  EXPECT_EQ(replacement_of("AWS::S3::Bucket", "BucketName"), Replacement::will);
  EXPECT_EQ(replacement_of("AWS::S3::Bucket", "Tags"), Replacement::never);
  EXPECT_EQ(replacement_of("AWS::DynamoDB::Table", "KeySchema/0/AttributeName"), Replacement::may);
  EXPECT_EQ(replacement_of("Custom::Thing", "ServiceToken"), Replacement::will);
  EXPECT_EQ(replacement_of("Acme::No::Such", "Name"), Replacement::never);
}

TEST(Compare, what_stays_is_no_change_in_whatever_order) {
  const Value before = json(R"({"Resources":{"A":{"Type":"T","Properties":{"x":1,"y":[2]}}}})");
  const Value after = json(R"({"Resources":{"A":{"Properties":{"y":[2],"x":1},"Type":"T",
      "Metadata":{"aws:cdk:path":"Api/A","aws:asset:path":"asset.2"}}}})");
  const StackChanges same = between(before, after);
  EXPECT_THAT(lines(same), IsEmpty());
  EXPECT_EQ(same.state, StackState::unchanged);
  EXPECT_EQ(between(before, before).before, between(before, before).after);
}

TEST(Compare, resources_and_outputs_come_go_and_change) {
  const Value before = json(R"({"Parameters":{"P":{"Type":"String"}},"Resources":{
      "Old":{"Type":"AWS::SQS::Queue","DeletionPolicy":"Retain"},
      "Bucket":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"a","Tags":[1]}}},
      "Outputs":{"Url":{"Value":"x"}}})");
  const Value after = json(R"({"Resources":{
      "Bucket":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"b","Tags":[1,2]}},
      "New":{"Type":"AWS::SNS::Topic"}},"Outputs":{"Url":{"Value":"y"}}})");
  const StackChanges changed = between(before, after);
  EXPECT_EQ(changed.state, StackState::changed);
  EXPECT_THAT(lines(changed),
              ElementsAre("removed Parameters P never | : {\"Type\":\"String\"} → -",
                          "modified Resources Bucket will | Properties/BucketName: a → b | "
                          "Properties/Tags: [1] → [1,2]",
                          "added Resources New never", "removed Resources Old never",
                          "modified Outputs Url never | Value: x → y"));
  EXPECT_TRUE(changed.entries[3].retained);
}

TEST(Compare, whoever_names_a_replaced_resource_where_that_replaces_may_be_replaced_too) {
  const auto body = [](const std::string& name) {
    return with_resources(R"({"Topic":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":")" +
                          name +
                          R"("}},"Subscription":{"Type":"AWS::SNS::Subscription","Properties":
        {"TopicArn":{"Ref":"Topic"},"Protocol":"email"}}})");
  };
  EXPECT_THAT(lines(between(body("a"), body("b"))),
              ElementsAre("modified Resources Topic will | Properties/TopicName: a → b",
                          "modified Resources Subscription may | Properties/TopicArn: ${Topic} → "
                          "${Topic}"));
}

TEST(Compare, a_stack_that_is_not_there_is_all_new) {
  const StackChanges created =
      compare({"Api", "Api", std::nullopt, "", role_with(R"([{"Effect":"Allow","Action":"s3:*",
                                                             "Resource":"*"}])")});
  EXPECT_EQ(created.state, StackState::created);
  EXPECT_EQ(created.before, "");
  EXPECT_THAT(created.entries, SizeIs(2));
  EXPECT_THAT(created.permissions, SizeIs(2));
}

TEST(Compare, what_it_cannot_see_is_said) {
  const StackChanges unknown =
      compare({"Api", "Api", std::nullopt, "it is YAML", with_resources("{}")});
  EXPECT_EQ(unknown.state, StackState::unknown);
  EXPECT_THAT(unknown.warnings,
              ElementsAre("the deployed template cannot be compared: it is YAML"));
  const StackChanges nested =
      between(json(R"({"Transform":"T"})"),
              json(R"({"Transform":"T","Resources":{"N":{"Type":"AWS::CloudFormation::Stack"}}})"));
  EXPECT_THAT(nested.warnings, SizeIs(2));
}

TEST(Permissions, a_new_statement_broadens_and_says_where_to_look_twice) {
  EXPECT_THAT(
      permissions(role_with(R"([{"Effect":"Allow","Action":"s3:GetObject","Resource":"b"}])"),
                  role_with(R"([{"Effect":"Allow","Action":"s3:GetObject","Resource":"b"},
                                {"Effect":"Allow","Action":"s3:*","Resource":"*"}])")),
      ElementsAre("! + allows AWS:${Role} s3:* on * [any action of a service] [any resource]"));
}

TEST(Permissions, what_was_allowed_before_by_whatever_statement_does_not_broaden) {
  const Value wide = role_with(R"([{"Effect":"Allow","Action":["S3:Get*","s3:Put*"],
                                    "Resource":["b","b/*"]}])");
  const Value narrow = role_with(R"([{"Effect":"Allow","Action":"s3:GetObject","Resource":"b/x"},
      {"Effect":"Allow","Action":"s3:PutObject","Resource":"b/*",
       "Condition":{"Bool":{"aws:SecureTransport":"true"}}}])");
  EXPECT_THAT(permissions(wide, narrow),
              ElementsAre("  + allows AWS:${Role} s3:GetObject on b/x",
                          "  + allows AWS:${Role} s3:PutObject on b/* if "
                          "{\"Bool\":{\"aws:SecureTransport\":\"true\"}}",
                          "  - allows AWS:${Role} S3:Get*, s3:Put* on b, b/*"));
  EXPECT_THAT(permissions(narrow, wide),
              testing::Contains("! + allows AWS:${Role} S3:Get*, s3:Put* on b, b/*"));
}

TEST(Permissions, a_condition_that_goes_broadens) {
  const Value bounded = role_with(R"([{"Effect":"Allow","Action":"a:b","Resource":"c",
                                       "Condition":{"Bool":{"x":"true"}}}])");
  const Value free = role_with(R"([{"Effect":"Allow","Action":"a:b","Resource":"c"}])");
  EXPECT_EQ(permissions(bounded, free).front(), "! + allows AWS:${Role} a:b on c");
  EXPECT_THAT(permissions(free, bounded), testing::Each(testing::StartsWith("  ")));
}

TEST(Permissions, a_denial_that_goes_broadens_unless_the_denied_goes_too) {
  const Value denied = role_with(R"([{"Effect":"Deny","Action":"a:b","Resource":"c"}])");
  EXPECT_THAT(permissions(denied, role_with("[]")),
              ElementsAre("! - denies AWS:${Role} a:b on c [it was denied]"));
  EXPECT_THAT(permissions(denied, with_resources("{}")), testing::Each(testing::StartsWith("  ")));
}

TEST(Permissions, lists_of_what_is_not_meant_are_never_taken_for_less) {
  EXPECT_THAT(permissions(role_with(R"([{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}])"),
                          role_with(R"([{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}])")),
              ElementsAre("! + allows AWS:${Role} !iam:* on * [every action but those named] "
                          "[any action of a service] [any resource]",
                          "  - allows AWS:${Role} s3:Get* on *"));
}

TEST(Permissions, trust_policies_of_resources_managed_policies_and_boundaries_are_seen) {
  const Value before = with_resources(R"({"Role":{"Type":"AWS::IAM::Role","Properties":{
      "AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"AWS":"arn:aws:iam::1:root"}}},"PermissionsBoundary":"arn:b"}}})");
  const Value after = with_resources(R"({"Role":{"Type":"AWS::IAM::Role","Properties":{
      "AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"AWS":"*"}}},
      "ManagedPolicyArns":["arn:aws:iam::aws:policy/AdministratorAccess"]}},
      "Bucket":{"Type":"AWS::S3::BucketPolicy","Properties":{"Bucket":"b","PolicyDocument":
        {"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"b/*"}]}}},
      "Invoke":{"Type":"AWS::Lambda::Permission","Properties":{"Action":"lambda:InvokeFunction",
        "FunctionName":{"Ref":"F"},"Principal":"s3.amazonaws.com","SourceAccount":"1"}},
      "Url":{"Type":"AWS::Lambda::Url","Properties":{"AuthType":"NONE",
        "TargetFunctionArn":{"Ref":"F"}}}})");
  EXPECT_THAT(
      permissions(before, after),
      ElementsAre("! + allows * sts:AssumeRole on ${Role.Arn} [anybody]",
                  "! + allows * s3:GetObject on b/* [anybody]",
                  "! + allows Service:s3.amazonaws.com lambda:InvokeFunction on ${F} if "
                  "{\"SourceAccount\":\"1\"}",
                  "! + allows * lambda:InvokeFunctionUrl on ${F} [anybody]",
                  "! + AWS:${Role} has arn:aws:iam::aws:policy/AdministratorAccess [any action]",
                  "! - AWS:${Role} is bounded by arn:b [it is bounded no longer]",
                  "  - allows AWS:arn:aws:iam::1:root sts:AssumeRole on ${Role.Arn}"));
}

TEST(Permissions, openings_of_security_groups_are_seen) {
  const Value before = with_resources(R"({"G":{"Type":"AWS::EC2::SecurityGroup","Properties":{
      "SecurityGroupEgress":[{"CidrIp":"10.0.0.0/8","IpProtocol":"-1"}]}}})");
  const Value after = with_resources(R"({"G":{"Type":"AWS::EC2::SecurityGroup","Properties":{}},
      "In":{"Type":"AWS::EC2::SecurityGroupIngress","Properties":{"GroupId":
        {"Fn::GetAtt":["G","GroupId"]},"IpProtocol":"tcp","FromPort":22,"ToPort":22,
        "CidrIp":"0.0.0.0/0"}}})");
  EXPECT_THAT(permissions(before, after),
              ElementsAre("! + from ${G.GroupId} to 0.0.0.0/0: everything [every address] "
                          "[every port]",
                          "! + from 0.0.0.0/0 to ${G.GroupId}: tcp 22 [every address]",
                          "  - from ${G.GroupId} to 10.0.0.0/8: everything"));
}

// Statements of a few actions and resources, so that they often overlap.
std::string any_statements() {
  const auto item = [] {
    return std::string(R"({"Effect":")") + *rc::gen::element("Allow", "Allow", "Deny") +
           R"(","Action":")" + *rc::gen::element("*", "s3:*", "s3:Get*", "s3:GetObject", "a:b") +
           R"(","Resource":")" + *rc::gen::element("*", "b", "b/*", "b/x") + R"("})";
  };
  std::string list;
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
    list += (list.empty() ? "" : ",") + item();
  return "[" + list + "]";
}

RC_GTEST_PROP(Permissions, more_statements_never_hide_a_broadening, ()) {
  const Value before = role_with(any_statements());
  const Value after = role_with(any_statements());
  RC_ASSERT(permissions(before, before).empty());
  const Value nothing = role_with("[]");
  // From nothing, each allowed statement broadens; to nothing, none does but for denials.
  for (const PermissionChange& change : compare_permissions(nothing, after))
    RC_ASSERT(change.broadens == (change.effect == "Allow"));
  for (const PermissionChange& change : compare_permissions(after, nothing))
    RC_ASSERT(change.broadens == (change.effect == "Deny"));
}

ChangeSet sample() {
  ChangeSet changes{"prod", "111122223333", "eu-west-1", std::string(40, 'a'), {}};
  changes.stacks.push_back(
      between(role_with("[]"), role_with(R"([{"Effect":"Allow","Action":"*","Resource":"*"}])")));
  changes.stacks.push_back(
      compare({"New", "New-prod", std::nullopt, "", with_resources(R"({"T":{"Type":"X"}})")}));
  changes.stacks.push_back(between(with_resources("{}"), with_resources("{}")));
  return changes;
}

TEST(ChangeSet, reads_back_as_it_was_written) {
  const ChangeSet changes = sample();
  const auto again = from_json(doc::to_json(to_value(changes)));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(digest(*again), digest(changes));
  EXPECT_EQ(summary(changes), "1 stack is new, 1 stack changes; grants more than before");
  EXPECT_TRUE(broadens(changes));
}

TEST(ChangeSet, a_newer_or_damaged_record_is_refused) {
  EXPECT_EQ(from_json(R"({"version":2})").error().code, ErrorCode::unsupported);
  EXPECT_EQ(from_json(R"({"version":1})").error().code, ErrorCode::corrupt);
  EXPECT_EQ(from_json(R"({"version":1,"stacks":[{"state":"odd"}]})").error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(from_json("[]").error().code, ErrorCode::corrupt);
}

TEST(ChangeSet, the_digest_sees_every_template) {
  ChangeSet other = sample();
  other.stacks[2].after = "0";
  EXPECT_NE(digest(other), digest(sample()));
}

TEST(Render, names_what_changes_and_marks_what_grants_more) {
  EXPECT_EQ(render_text(sample(), Colour::never),
            "prod (111122223333 eu-west-1), commit aaaaaaaaaaaa: 1 stack is new, 1 stack changes; "
            "grants more than before\n"
            "  Api  changes\n"
            "    ! + allows AWS:${Role} * on *  [any action, any resource]\n"
            "    ~ AWS::IAM::Policy Policy\n"
            "        PolicyDocument/Statement: [] → "
            "[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]\n"
            "  New (New-prod)  is new\n"
            "    + X T\n"
            "  Api  stays as it is\n"
            "  ! grants more than before\n");
  EXPECT_THAT(render_text(sample(), Colour::always), testing::HasSubstr("\x1b[1;31m"));
}

TEST(Render, nothing_steers_the_terminal) {
  ChangeSet changes = sample();
  changes.stacks[0].permissions[0].text = "a\x1b[2Jb\nc";
  EXPECT_THAT(render_text(changes, Colour::never), testing::HasSubstr("a [2Jb c"));
}

}  // namespace
}  // namespace aphex::changes
