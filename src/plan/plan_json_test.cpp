#include <functional>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "plan/plan_test_support.hpp"

namespace aphex::plan {
namespace {

using doc::Value;

// The member or item at a path of keys and positions; it must be there.
Value& at(Value& value, const std::vector<std::string>& path) {
  Value* here = &value;
  for (const std::string& key : path) {
    if (Value::Array* items = here->as_array()) {
      here = &items->at(std::stoul(key));
      continue;
    }
    Value* next = nullptr;
    for (auto& [name, member] : *here->as_object()) {
      if (name == key) next = &member;
    }
    EXPECT_NE(next, nullptr) << key;
    here = next;
  }
  return *here;
}

void remove(Value& object, std::string_view key) {
  std::erase_if(*object.as_object(),
                [&](const doc::Member& member) { return member.first == key; });
}

// What from_value() says of the small plan with one place replaced.
std::string refusal(const std::vector<std::string>& path, Value replacement) {
  Value value = to_value(make_plan(small_config(), "repo"));
  at(value, path) = std::move(replacement);
  const auto plan = from_value(value);
  return plan ? "accepted" : plan.error().message;
}

TEST(PlanJson, the_small_plan_reads_back) {
  const Value value = to_value(make_plan(small_config(), "repo"));
  const auto again = from_value(value);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(to_value(*again), value);
}

RC_GTEST_PROP(PlanJson, every_plan_reads_back_the_same_through_its_text, ()) {
  const Plan plan = make_plan(any_config(), "repo");
  const auto parsed = doc::parse_json(doc::to_json(to_value(plan)));
  RC_ASSERT(parsed.has_value());
  const auto again = from_value(*parsed);
  RC_ASSERT(again.has_value());
  RC_ASSERT(to_value(*again) == to_value(plan));
  RC_ASSERT(digest(*again) == digest(plan));
}

TEST(PlanJson, the_digest_of_a_plan_stays_the_same_from_version_to_version) {
  // A change here restarts every pipeline once: it needs a line in the changelog.
  EXPECT_EQ(digest(make_plan(small_config(), "repo")),
            "f723673687c6292c53e9a81b322401fb22f077f95f52fad59331adf173649538");
}

TEST(PlanJson, a_change_anywhere_changes_the_digest) {
  const std::string before = digest(make_plan(small_config(), "repo"));
  const auto changed = [](const std::function<void(config::Config&)>& change) {
    config::Config config = small_config();
    change(config);
    return digest(make_plan(config, "repo"));
  };
  EXPECT_EQ(changed([](config::Config&) {}), before);
  EXPECT_NE(changed([](config::Config& c) { c.build.commands[1] += " "; }), before);
  EXPECT_NE(changed([](config::Config& c) { c.build.cache.clear(); }), before);
  EXPECT_NE(changed([](config::Config& c) { c.environments[0].region = "us-east-2"; }), before);
  EXPECT_NE(changed([](config::Config& c) { c.environments[0].stacks[1].depends_on.clear(); }),
            before);
  EXPECT_NE(changed([](config::Config& c) { c.timeouts.test += std::chrono::seconds(1); }), before);
  EXPECT_NE(changed([](config::Config& c) { c.pipeline.on_change = config::OnChange::proceed; }),
            before);
  EXPECT_NE(changed([](config::Config& c) { c.pipeline.stack_settings.set("clusterName", "x"); }),
            before);
}

TEST(PlanJson, a_plan_of_a_newer_version_is_refused_with_the_remedy) {
  Value value = to_value(make_plan(small_config(), "repo"));
  value.set("version", 2);
  const auto plan = from_value(value);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, ErrorCode::unsupported);
  EXPECT_EQ(plan.error().message, "the plan has version 2, this aphex reads version 1");
  EXPECT_EQ(plan.error().hint, "use the aphex that wrote it, or a newer one");
}

TEST(PlanJson, what_has_the_right_type_and_no_meaning_is_refused) {
  const std::string start = "the stored plan is malformed: ";
  EXPECT_EQ(refusal({"pipeline", "onChange"}, "maybe"), start + "onChange 'maybe' does not exist");
  EXPECT_EQ(refusal({"pipeline", "maxParallelStacks"}, 0),
            start + "'maxParallelStacks' is out of range");
  EXPECT_EQ(refusal({"pipeline", "maxParallelStacks"}, std::int64_t{1} << 32),
            start + "'maxParallelStacks' is out of range");
  EXPECT_EQ(refusal({"stages", "0", "kind"}, "rest"), start + "stage kind 'rest' does not exist");
  EXPECT_EQ(refusal({"stages", "0", "timeoutSeconds"}, 0),
            start + "'timeoutSeconds' is out of range");
  EXPECT_EQ(refusal({"stages", "0", "timeoutSeconds"}, std::int64_t{1} << 40),
            start + "'timeoutSeconds' is out of range");
  EXPECT_EQ(refusal({"stages", "1", "steps", "2", "role"}, "chief"),
            start + "role 'chief' does not exist");
  EXPECT_EQ(refusal({"stages", "0", "steps", "0", "kind"}, "sing"),
            start + "step kind 'sing' does not exist");
  EXPECT_EQ(refusal({"stages", "3", "environment"}, "moon"),
            start + "environment 'moon' does not exist");
  EXPECT_EQ(refusal({"environments", "1", "name"}, "dev"),
            start + "environment 'dev' is there twice");
  EXPECT_EQ(refusal({"environments", "1", "stacks"}, "many"),
            start + "an environment has no stacks");
  EXPECT_EQ(refusal({"stages", "1", "id"}, "validate"), start + "stage 'validate' is there twice");
  EXPECT_EQ(refusal({"stages", "1", "needs", "0"}, "test-dev"),
            start + "stage 'build' needs 'test-dev', which does not stand before it");
}

TEST(PlanJson, a_step_of_another_environment_than_its_stage_is_refused) {
  EXPECT_EQ(refusal({"stages", "3", "environment"}, "prod"),
            "the stored plan is malformed: step 'stacks' of stage 'deploy-dev' belongs to another "
            "environment");
  EXPECT_EQ(refusal({"stages", "3", "kind"}, "build"),
            "the stored plan is malformed: stage 'deploy-dev' cannot have an environment");
  EXPECT_EQ(refusal({"stages", "1", "kind"}, "deploy"),
            "the stored plan is malformed: stage 'build' lacks its environment");
}

// Every member of the tree, as paths.
void collect(const Value& value, std::vector<std::string> path,
             std::vector<std::vector<std::string>>& paths) {
  if (const Value::Array* items = value.as_array()) {
    for (std::size_t i = 0; i < items->size(); ++i) {
      path.push_back(std::to_string(i));
      paths.push_back(path);
      collect((*items)[i], path, paths);
      path.pop_back();
    }
  }
  if (const Value::Object* members = value.as_object()) {
    for (const auto& [key, member] : *members) {
      path.push_back(key);
      paths.push_back(path);
      collect(member, path, paths);
      path.pop_back();
    }
  }
}

TEST(PlanJson, every_member_of_another_type_is_refused) {
  const Value good = to_value(make_plan(small_config(), "repo"));
  std::vector<std::vector<std::string>> paths;
  collect(good, {}, paths);
  ASSERT_GT(paths.size(), 150U);
  for (const auto& path : paths) {
    for (const Value& wrong : {Value(), Value(true), Value(1.5)}) {
      Value value = good;
      at(value, path) = wrong;
      EXPECT_FALSE(from_value(value).has_value())
          << path.back() << " in " << doc::to_json(at(value, {path.begin(), path.end() - 1}));
    }
  }
}

TEST(PlanJson, every_missing_member_is_refused) {
  const Value good = to_value(make_plan(small_config(), "repo"));
  std::vector<std::vector<std::string>> paths;
  collect(good, {}, paths);
  for (const auto& path : paths) {
    Value value = good;
    Value& parent = at(value, {path.begin(), path.end() - 1});
    if (!parent.is_object()) continue;
    // A command belongs to an environment or to none.
    if (path.back() == "environment" && parent.string_or("kind", "") == "run-command") continue;
    remove(parent, path.back());
    EXPECT_FALSE(from_value(value).has_value()) << path.back() << " of " << doc::to_json(parent);
  }
}

TEST(PlanJson, no_value_that_is_not_a_plan_is_taken_for_one) {
  for (const Value& value : {Value(), Value(1), Value("plan"), Value::array(), Value::object()}) {
    const auto plan = from_value(value);
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().code, ErrorCode::corrupt);
  }
}

}  // namespace
}  // namespace aphex::plan
