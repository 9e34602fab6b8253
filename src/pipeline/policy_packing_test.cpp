#include "pipeline/policy_packing.hpp"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace aphex::pipeline {
namespace {

iam::PolicyStatement statement(std::string sid, std::size_t resources, std::size_t length = 60) {
  iam::PolicyStatement made;
  made.sid = std::move(sid);
  made.actions = {"sts:AssumeRole"};
  for (std::size_t i = 0; i < resources; ++i) {
    std::string name = made.sid + std::to_string(i);
    name.resize(std::max(length, name.size()), 'x');
    made.resources.emplace_back(std::move(name));
  }
  return made;
}

// Which resources each action is allowed on, wherever that is written.
std::map<std::string, std::multiset<std::string>> rights(
    const std::vector<iam::PolicyStatement>& statements) {
  std::map<std::string, std::multiset<std::string>> map;
  for (const iam::PolicyStatement& each : statements) {
    for (const Value& resource : each.resources)
      map[each.actions.front()].insert(*resource.as_string());
  }
  return map;
}

std::vector<iam::PolicyStatement> all_of(const PackedPolicies& packed) {
  std::vector<iam::PolicyStatement> all = packed.in_role;
  for (const auto& policy : packed.managed)
    all.insert(all.end(), policy.begin(), policy.end());
  return all;
}

TEST(Packing, leaves_in_the_role_what_fits_there) {
  const auto packed = pack({statement("A", 10), statement("B", 10)});
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->in_role.size(), 2U);
  EXPECT_TRUE(packed->managed.empty());
}

TEST(Packing, divides_a_statement_that_is_larger_than_a_policy) {
  const auto packed = pack({statement("A", 300)});
  ASSERT_TRUE(packed);
  EXPECT_GE(packed->managed.size(), 3U);
  std::set<std::string> names;
  for (const iam::PolicyStatement& part : all_of(*packed))
    EXPECT_TRUE(names.insert(part.sid).second) << part.sid;
}

TEST(Packing, refuses_what_no_role_can_hold) {
  const auto packed = pack({statement("A", 2000)});
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().message,
            "the workflow role needs 22 managed policies, and IAM attaches 10 to a role: too many "
            "accounts, regions and stacks for one pipeline");
  EXPECT_EQ(packed.error().hint,
            "divide the environments between several configurations, each with a pipeline "
            "(pipeline.name) of its own");
}

RC_GTEST_PROP(Packing, keeps_every_right_and_every_limit, ()) {
  std::vector<iam::PolicyStatement> statements;
  const int count = *rc::gen::inRange(1, 8);
  for (int i = 0; i < count; ++i) {
    statements.push_back(statement("S" + std::to_string(i) + "x", *rc::gen::inRange(1, 150),
                                   *rc::gen::inRange<std::size_t>(10, 120)));
    statements.back().actions = {"service:Action" + std::to_string(i)};
  }
  const auto packed = pack(statements);
  if (!packed) {
    RC_ASSERT(packed.error().code == ErrorCode::unsupported);
    return;
  }
  RC_ASSERT(rights(all_of(*packed)) == rights(statements));
  RC_ASSERT(packed->in_role.empty() || policy_characters(packed->in_role) <= kMaxInlineCharacters);
  RC_ASSERT(packed->managed.size() <= kMaxManagedPolicies);
  for (const auto& policy : packed->managed)
    RC_ASSERT(policy_characters(policy) <= kMaxManagedCharacters);
}

}  // namespace
}  // namespace aphex::pipeline
