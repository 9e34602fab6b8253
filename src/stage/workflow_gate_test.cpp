#include "stage/workflow_gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aphex::stage {
namespace {

using doc::Value;
using store::ApprovalVerdict;
using store::Decision;
using testing::HasSubstr;

// As Argo 4.1's controller writes it, less what nobody reads here.
constexpr const char* kPolicy =
    R"({"approvers":["grace","linus","ada"],"quorum":2,"selfApproval":false,)"
    R"("expiresSeconds":3600})";
constexpr const char* kWorkflow = R"({
  "metadata": {"name": "shop-1", "namespace": "argo", "resourceVersion": "42"},
  "spec": {"arguments": {"parameters": [
    {"name": "commitSha", "value": "c"}, {"name": "author", "value": "Ada <ada@example.org>"}]}},
  "status": {"phase": "Running", "nodes": {
    "shop-1-1": {"id": "shop-1-1", "displayName": "approve-prod", "type": "Pod",
      "phase": "Succeeded", "outputs": {"parameters": [
        {"name": "digest", "value": "d1"}, {"name": "text", "value": "Api changes\n"}]}},
    "shop-1-2": {"id": "shop-1-2", "displayName": "gate-prod", "type": "Suspend",
      "phase": "Running", "startedAt": "2026-11-25T04:00:00Z",
      "inputs": {"parameters": [
        {"name": "environment", "value": "prod"},
        {"name": "policy", "value": ""},
        {"name": "digest", "value": "d1"}, {"name": "summary", "value": "1 stack changes"}]},
      "outputs": {"parameters": [
        {"name": "decision", "valueFrom": {"supplied": {}, "default": "expired"}}]}}}}})";

Value workflow() {
  auto value = doc::parse_json(kWorkflow);
  EXPECT_TRUE(value) << (value ? "" : value.error().message);
  (*value->find({"status", "nodes", "shop-1-2", "inputs", "parameters"})->as_array())[1].set(
      "value", kPolicy);
  return *value;
}

Gate gate(const Value& of = workflow()) {
  auto read = read_gate(of, "");
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return *read;
}

// The workflow as the server would have it after the patch: of its annotation only.
Value with_annotation(const Value& patch) {
  Value changed = workflow();
  changed.find("metadata")->set("annotations", *patch.find({"metadata", "annotations"}));
  return changed;
}

TEST(WorkflowGate, is_read_with_all_that_a_decision_needs) {
  const Gate read = gate();
  EXPECT_EQ(read.environment, "prod");
  EXPECT_EQ(read.digest, "d1");
  EXPECT_EQ(read.summary, "1 stack changes");
  EXPECT_EQ(read.text, "Api changes\n");
  EXPECT_EQ(read.author, "Ada <ada@example.org>");
  EXPECT_EQ(read.expires_seconds, 3600);
  EXPECT_EQ(read.policy.quorum, 2);
  EXPECT_EQ(store::waits_for(read.policy, read.decisions), "2 of grace, linus, ada");
}

TEST(WorkflowGate, decisions_are_collected_until_they_are_enough) {
  const auto first = decide(gate(), {"grace", Decision::approve, "fine", 1'000});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->verdict, ApprovalVerdict::waiting);
  EXPECT_EQ(first->patch.find("status"), nullptr);
  EXPECT_EQ(*first->patch.find({"metadata", "resourceVersion"}), Value("42"));

  const Gate after = gate(with_annotation(first->patch));
  ASSERT_EQ(after.decisions.size(), 1U);
  EXPECT_EQ(after.decisions.front().comment, "fine");
  const auto twice = decide(after, {"grace", Decision::approve, "", 2'000});
  EXPECT_THAT(twice.error().message, HasSubstr("grace has decided about the deployment of workflow "
                                               "shop-1 to prod already"));

  const auto second = decide(after, {"linus", Decision::approve, "", 2'000});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->verdict, ApprovalVerdict::approved);
  const Value* node = second->patch.find({"status", "nodes", "shop-1-2"});
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(doc::to_json(*node),
            R"({"finishedAt":"1970-01-01T00:00:02Z","phase":"Succeeded",)"
            R"("message":"approved by grace, linus at 1970-01-01T00:00:02Z",)"
            R"("outputs":{"parameters":[{"name":"decision","value":"approved"},)"
            R"({"name":"digest","value":"d1"},{"name":"people","value":"grace, linus"}]}})");
}

TEST(WorkflowGate, a_decision_is_found_again_whoever_else_has_decided) {
  const store::DecisionRecord grace{"grace", Decision::approve, "", 1'000};
  EXPECT_FALSE(holds_decision(workflow(), gate(), grace));
  const Value changed = with_annotation(decide(gate(), grace)->patch);
  EXPECT_TRUE(holds_decision(changed, gate(), grace));
  EXPECT_FALSE(holds_decision(changed, gate(), {"grace", Decision::approve, "", 2'000}));
  EXPECT_FALSE(holds_decision(changed, gate(), {"linus", Decision::approve, "", 1'000}));
}

TEST(WorkflowGate, a_rejection_fails_the_node_and_says_who_and_why) {
  const auto rejected = decide(gate(), {"linus", Decision::reject, "not on a Friday", 2'000});
  ASSERT_TRUE(rejected);
  EXPECT_EQ(rejected->verdict, ApprovalVerdict::rejected);
  const Value* node = rejected->patch.find({"status", "nodes", "shop-1-2"});
  EXPECT_EQ(node->string_or("phase", ""), "Failed");
  EXPECT_EQ(
      node->string_or("message", ""),
      "the deployment to prod was rejected by linus at 1970-01-01T00:00:02Z: not on a Friday");
  EXPECT_EQ(node->find("outputs"), nullptr);
}

TEST(WorkflowGate, the_rules_are_those_of_a_machine) {
  const auto mallory = decide(gate(), {"mallory", Decision::approve, "", 0});
  EXPECT_EQ(mallory.error().code, ErrorCode::permission);
}

TEST(WorkflowGate, decisions_about_an_earlier_wait_count_no_more) {
  const auto first = decide(gate(), {"grace", Decision::approve, "", 1'000});
  Value changed = with_annotation(first->patch);
  Value* annotation = changed.find({"metadata", "annotations"});
  annotation->set(
      "approvals.aphex.dev/prod",
      R"({"version":1,"node":"shop-1-9","decisions":[{"who":"grace","decision":"approve"}]})");
  EXPECT_TRUE(gate(changed).decisions.empty());

  // 'argo retry' begins the same node again.
  Value retried = with_annotation(first->patch);
  EXPECT_EQ(gate(retried).decisions.size(), 1U);
  retried.find({"status", "nodes", "shop-1-2"})->set("startedAt", "2026-11-25T05:00:00Z");
  EXPECT_TRUE(gate(retried).decisions.empty());
}

TEST(WorkflowGate, where_nothing_waits_it_says_so) {
  Value ended = workflow();
  ended.find({"status", "nodes", "shop-1-2"})->set("phase", "Succeeded");
  const auto none = read_gate(ended, "");
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  EXPECT_EQ(none.error().message, "workflow shop-1 waits for no approval");
  EXPECT_EQ(read_gate(workflow(), "dev").error().message,
            "workflow shop-1 waits for no approval of dev");
  Value packed = workflow();
  packed.find("status")->set("compressedNodes", "H4sI");
  EXPECT_EQ(read_gate(packed, "").error().code, ErrorCode::unsupported);
}

TEST(WorkflowGate, a_gate_that_does_not_say_who_may_approve_lets_nobody) {
  Value odd = workflow();
  (*odd.find({"status", "nodes", "shop-1-2", "inputs", "parameters"})->as_array())[1].set("value",
                                                                                          "{}");
  EXPECT_EQ(read_gate(odd, "").error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace aphex::stage
