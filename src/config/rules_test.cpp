#include "config/rules.hpp"

#include <regex>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "config/config.hpp"
#include "config/regions.hpp"
#include "config/schema.hpp"

namespace aphex::config {
namespace {

// std::regex reads bytes, the pattern means characters: the tests stay within ASCII.
bool matches(const TextRule& rule, const std::string& text) {
  return std::regex_search(text, std::regex(std::string(rule.pattern), std::regex::ECMAScript));
}

void expect_agreement(const TextRule& rule, const std::string& text) {
  if (rule.max_length > 0 && text.size() > rule.max_length) return;
  RC_ASSERT(accepts(rule, text) == matches(rule, text));
}

RC_GTEST_PROP(Rules, patterns_for_editors_accept_what_the_checker_accepts, ()) {
  const auto& rule =
      **rc::gen::elementOf(std::vector<const TextRule*>(rules::all().begin(), rules::all().end()));
  RC_PRE(rule.choices.empty());
  const auto text = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("azAZ09aaa111---...///:::_@+=~^*?[\\ \t\"'s3hms12")));
  expect_agreement(rule, text);
}

// Random characters rarely come near a long form; changed examples do.
RC_GTEST_PROP(Rules, patterns_and_checker_agree_on_slightly_changed_examples, ()) {
  static const std::vector<std::string> kExamples{"1.0",
                                                  "dev",
                                                  "Prod/Api_Stack",
                                                  "us-gov-west-1",
                                                  "123456789012",
                                                  "lib/app-stack.ts",
                                                  "lib/a.d.ts",
                                                  "a/../b.mts",
                                                  "..",
                                                  "a/..",
                                                  "1h30m10s",
                                                  "s3://bucket-1/prefix",
                                                  "s3://b",
                                                  "gs://bucket",
                                                  "hnb659fds",
                                                  "hooks.example.com",
                                                  "v4.1.2",
                                                  "npm ci",
                                                  "release/1.x",
                                                  "a..b",
                                                  "a@{b",
                                                  "a.lock/b",
                                                  "a/.b",
                                                  "s3:/bucket",
                                                  "arn:aws:kms:us-east-1:123456789012:key/1",
                                                  "arn:aws:iam::123456789012:role/a",
                                                  "arn:aws:iam::aws:policy/a",
                                                  "arn:aws:sns:us-east-1:123456789012:a",
                                                  "oidc.eks.us-east-1.amazonaws.com/id/0AB",
                                                  "https://a.b/c",
                                                  "https://a.b:443",
                                                  "1.5Gi",
                                                  "a.b.io/c-d",
                                                  "/a",
                                                  "feature/x",
                                                  "ghcr.io/a/b:1@sha256:0"};
  const auto& rule =
      **rc::gen::elementOf(std::vector<const TextRule*>(rules::all().begin(), rules::all().end()));
  RC_PRE(rule.choices.empty());
  std::string text = *rc::gen::elementOf(kExamples);
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
    const char c = *rc::gen::elementOf(std::string("a1-./:_ A\n\t\x7f\\hms"));
    if (*rc::gen::arbitrary<bool>() || at == text.size()) {
      text.insert(at, 1, c);
    } else {
      text[at] = c;
    }
  }
  expect_agreement(rule, text);
}

// git-check-ref-format(1).
TEST(Rules, a_branch_is_what_git_takes_for_one) {
  for (const char* good : {"main", "release/1.x", "a.b", "feature/@home", "x.locked", "a@b"})
    EXPECT_TRUE(accepts(rules::github_branch, good)) << good;
  for (const char* bad : {"a..b", "a@{b", "a.lock", "a.lock/b", "a//b", ".a", "a/.b", "a.", "a/",
                          "@", "-a", "a b", "/a"}) {
    EXPECT_FALSE(accepts(rules::github_branch, bad)) << bad;
    EXPECT_FALSE(matches(rules::github_branch, bad)) << bad;
  }
}

TEST(Rules, a_store_with_one_slash_is_no_directory) {
  EXPECT_FALSE(accepts(rules::artifact_store, "s3:/foo"));
  EXPECT_FALSE(accepts(rules::artifact_store, "s3:foo"));
  EXPECT_TRUE(accepts(rules::artifact_store, "s3/foo"));
}

TEST(Rules, examples_keep_their_rule) {
  for (const TextRule* rule : rules::all()) {
    for (const std::string_view example : rule->examples) {
      EXPECT_TRUE(accepts(*rule, example)) << example;
    }
  }
}

TEST(Rules, durations_add_hours_minutes_and_seconds) {
  EXPECT_EQ(parse_duration("90s"), std::chrono::seconds(90));
  EXPECT_EQ(parse_duration("1h30m"), std::chrono::seconds(5400));
  EXPECT_EQ(parse_duration("2h1s"), std::chrono::seconds(7201));
  for (const char* wrong : {"", "5", "s", "1s1m", "1m1m", "-1s", "1.5h", "1 h", "123456s", "1h "}) {
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
  }
}

TEST(Rules, lengths_count_characters) {
  EXPECT_TRUE(accepts(rules::command, std::string(32768, 'x')));
  EXPECT_FALSE(accepts(rules::command, std::string(32769, 'x')));
  std::string umlauts;
  for (int i = 0; i < 32768; ++i)
    umlauts += "\xc3\xa4";
  EXPECT_TRUE(accepts(rules::command, umlauts));
}

TEST(Regions, are_distinct_have_a_partition_and_keep_the_rule) {
  std::set<std::string_view> names;
  for (const Region& region : known_regions()) {
    EXPECT_TRUE(names.insert(region.name).second) << region.name;
    EXPECT_TRUE(region.partition.starts_with("aws")) << region.name;
    EXPECT_TRUE(accepts(rules::region, region.name)) << region.name;
  }
  EXPECT_EQ(find_region("cn-north-1")->partition, "aws-cn");
  EXPECT_EQ(find_region("us-east-9"), nullptr);
}

TEST(Regions, have_the_partition_of_their_prefix_known_or_not) {
  for (const Region& region : known_regions()) {
    EXPECT_EQ(partition_of(region.name), region.partition) << region.name;
  }
  EXPECT_EQ(partition_of("us-gov-middle-7"), "aws-us-gov");
  EXPECT_EQ(partition_of("xx-north-1"), "aws");
}

// The schema for editors.

const doc::Value& at(const doc::Value& schema, std::initializer_list<std::string_view> path) {
  static const doc::Value kNone;
  const doc::Value* found = schema.find(path);
  EXPECT_NE(found, nullptr);
  return found == nullptr ? kNone : *found;
}

TEST(JsonSchema, describes_every_field_of_the_table) {
  const doc::Value schema = json_schema();
  EXPECT_EQ(at(schema, {"$schema"}).as_string()->substr(0, 45),
            "https://json-schema.org/draft/2020-12/schema");
  for (const Field& field : root_shape().fields) {
    EXPECT_FALSE(at(schema, {"properties", field.key}).string_or("description", "").empty());
  }
  for (const Field& field : pipeline_shape().fields) {
    const doc::Value& property = at(schema, {"properties", "pipeline", "properties", field.key});
    EXPECT_EQ(property.string_or("description", ""), field.description);
  }
}

TEST(JsonSchema, defaults_are_valid_json_and_shown) {
  const doc::Value schema = json_schema();
  const doc::Value& pipeline = at(schema, {"properties", "pipeline", "properties"});
  EXPECT_EQ(*at(pipeline, {"maxParallelStacks", "default"}).as_int(), 4);
  EXPECT_EQ(pipeline.find("bootstrapQualifier")->string_or("default", ""), "hnb659fds");
  EXPECT_EQ(doc::to_json(at(schema, {"properties", "build", "properties", "cache", "default"})),
            R"(["node_modules"])");
}

TEST(JsonSchema, requires_what_the_checker_requires_and_allows_nothing_else) {
  const doc::Value schema = json_schema();
  EXPECT_EQ(doc::to_json(at(schema, {"required"})), R"(["version","build","environments"])");
  const doc::Value& environment = at(schema, {"properties", "environments", "items"});
  EXPECT_EQ(doc::to_json(at(environment, {"required"})), R"(["name","region","account","stacks"])");
  EXPECT_EQ(doc::to_json(at(environment, {"additionalProperties"})), "false");
  EXPECT_EQ(doc::to_json(at(environment, {"properties", "account", "pattern"})),
            R"("^[0-9]{12}$")");
}

TEST(JsonSchema, has_the_version_as_a_text) {
  const doc::Value schema = json_schema();
  const doc::Value& version = at(schema, {"properties", "version"});
  EXPECT_EQ(version.string_or("type", ""), "string");
  EXPECT_EQ(doc::to_json(at(version, {"enum"})), R"(["1.0"])");
}

}  // namespace
}  // namespace aphex::config
