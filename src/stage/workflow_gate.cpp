#include "stage/workflow_gate.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "argo/stage_interface.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"

namespace aphex::stage {
namespace {

using doc::Value;

constexpr std::int64_t kRecordVersion = 1;
// Beyond what a configuration takes; what a workflow says may be anything.
constexpr std::int64_t kMostExpirySeconds = std::int64_t{366} * 24 * 3600;

std::string text_at(const Value& value, std::initializer_list<std::string_view> path) {
  const Value* found = value.find(path);
  return found != nullptr && found->is_string() ? *found->as_string() : std::string();
}

// The parameter's value at node.inputs or node.outputs.
std::string parameter_of(const Value& node, std::string_view side, std::string_view name) {
  const Value* list = node.find({side, "parameters"});
  if (list == nullptr || !list->is_array()) return {};
  for (const Value& parameter : *list->as_array()) {
    if (parameter.string_or("name", "") == name) return parameter.string_or("value", "");
  }
  return {};
}

bool waits(const Value& node) {
  return node.string_or("type", "") == "Suspend" && node.string_or("phase", "") == "Running" &&
         node.string_or("displayName", "").starts_with(argo::kGatePrefix);
}

std::string annotation_key(const std::string& environment) {
  return std::string(argo::kDecisionsAnnotation) + environment;
}

Result<store::ApprovalPolicy> read_policy(const std::string& json, Gate& gate) {
  APHEX_TRY(const Value value, doc::parse_json(json));
  store::ApprovalPolicy policy;
  const Value* approvers = value.find("approvers");
  const Value* quorum = value.find("quorum");
  const Value* own = value.find("selfApproval");
  const Value* expires = value.find("expiresSeconds");
  if (approvers == nullptr || !approvers->is_array() || quorum == nullptr ||
      quorum->as_int() == nullptr || own == nullptr || own->as_bool() == nullptr) {
    return fail(
        ErrorCode::corrupt,
        fmt::format("the gate of {} does not say who may approve", gate.environment),
        "the WorkflowTemplate was made by another program; 'aphex manifests' generates one");
  }
  for (const Value& name : *approvers->as_array()) {
    if (name.is_string()) policy.approvers.push_back(*name.as_string());
  }
  policy.quorum = *quorum->as_int();
  policy.self_approval = *own->as_bool();
  if (expires != nullptr && expires->as_int() != nullptr)
    gate.expires_seconds = std::clamp(*expires->as_int(), std::int64_t{0}, kMostExpirySeconds);
  return policy;
}

// Decisions about an earlier wait count no more: a workflow that is retried waits again, in a node
// of the same id.
void read_decisions(const Value& workflow, Gate& gate) {
  const Value* annotations = workflow.find({"metadata", "annotations"});
  if (annotations == nullptr) return;
  const auto record = doc::parse_json(annotations->string_or(annotation_key(gate.environment), ""));
  if (!record || record->string_or("node", "") != gate.node ||
      record->string_or("startedAt", "") != gate.started_at) {
    return;
  }
  const Value* list = record->find("decisions");
  if (list == nullptr || !list->is_array()) return;
  for (const Value& item : *list->as_array()) {
    const Value* time = item.find("decidedAt");
    gate.decisions.push_back(
        {item.string_or("who", ""),
         store::decision_from(item.string_or("decision", "")).value_or(store::Decision::reject),
         item.string_or("comment", ""),
         time != nullptr && time->as_int() != nullptr ? *time->as_int() : 0});
  }
}

std::string changes_text(const Value& nodes, const std::string& environment) {
  for (const auto& [id, node] : *nodes.as_object()) {
    if (node.string_or("displayName", "") == "approve-" + environment) {
      const std::string text = parameter_of(node, "outputs", argo::kTextParameter);
      if (!text.empty()) return text;
    }
  }
  return {};
}

Result<Gate> gate_of(const Value& workflow, const Value& nodes, const std::string& id,
                     const Value& node) {
  Gate gate;
  gate.workflow = text_at(workflow, {"metadata", "name"});
  gate.name_space = text_at(workflow, {"metadata", "namespace"});
  gate.resource_version = text_at(workflow, {"metadata", "resourceVersion"});
  gate.node = id;
  gate.environment = parameter_of(node, "inputs", argo::kEnvironmentParameter);
  gate.digest = parameter_of(node, "inputs", argo::kDigestParameter);
  gate.summary = parameter_of(node, "inputs", argo::kSummaryParameter);
  gate.text = changes_text(nodes, gate.environment);
  gate.started_at = node.string_or("startedAt", "");
  APHEX_TRY(gate.policy, read_policy(parameter_of(node, "inputs", argo::kPolicyParameter), gate));
  const Value* arguments = workflow.find({"spec", "arguments", "parameters"});
  if (arguments != nullptr && arguments->is_array()) {
    for (const Value& parameter : *arguments->as_array()) {
      if (parameter.string_or("name", "") == "author")
        gate.author = parameter.string_or("value", "");
    }
  }
  read_decisions(workflow, gate);
  return gate;
}

Value record_of(const Gate& gate, const std::vector<store::DecisionRecord>& decisions) {
  Value list = Value::array();
  for (const store::DecisionRecord& made : decisions) {
    list.push_back(Value::object({{"who", made.who},
                                  {"decision", store::to_string(made.decision)},
                                  {"comment", made.comment},
                                  {"decidedAt", made.decided_at}}));
  }
  return Value::object({{"version", kRecordVersion},
                        {"node", gate.node},
                        {"startedAt", gate.started_at},
                        {"decisions", std::move(list)}});
}

Value output(std::string_view name, std::string_view value) {
  return Value::object({{"name", name}, {"value", value}});
}

std::string names_of(const std::vector<store::DecisionRecord>& decisions) {
  std::vector<std::string> names;
  for (const store::DecisionRecord& made : decisions)
    names.push_back(made.who);
  return join(names, ", ");
}

// The node as Argo leaves it when it is resumed or ended.
Value ended_node(const Gate& gate, const std::vector<store::DecisionRecord>& decisions,
                 store::ApprovalVerdict verdict) {
  const store::DecisionRecord& last = decisions.back();
  const std::string time =
      os::format_time(os::WallTime(std::chrono::milliseconds(last.decided_at))).substr(0, 19) + "Z";
  const std::string comment = last.comment.empty() ? "" : ": " + last.comment;
  Value node = Value::object({{"finishedAt", time}});
  if (verdict == store::ApprovalVerdict::rejected) {
    node.set("phase", "Failed");
    node.set("message", fmt::format("the deployment to {} was rejected by {} at {}{}",
                                    gate.environment, last.who, time, comment));
    return node;
  }
  node.set("phase", "Succeeded");
  node.set("message", fmt::format("approved by {} at {}{}", names_of(decisions), time, comment));
  node.set("outputs",
           Value::object({{"parameters",
                           Value::array({output(argo::kDecisionParameter, argo::kApproved),
                                         output(argo::kDigestParameter, gate.digest),
                                         output(argo::kPeopleParameter, names_of(decisions))})}}));
  return node;
}

}  // namespace

Result<Gate> read_gate(const Value& workflow, const std::string& environment) {
  const std::string name = text_at(workflow, {"metadata", "name"});
  const Value* nodes = workflow.find({"status", "nodes"});
  if (!text_at(workflow, {"status", "compressedNodes"}).empty() ||
      !text_at(workflow, {"status", "offloadNodeStatusVersion"}).empty()) {
    return fail(ErrorCode::unsupported,
                fmt::format("the nodes of workflow {} are compressed or offloaded", name),
                "'argo node set' ends the gate: docs/approvals.md has the command");
  }
  std::vector<Gate> found;
  if (nodes != nullptr && nodes->is_object()) {
    for (const auto& [id, node] : *nodes->as_object()) {
      if (!waits(node)) continue;
      APHEX_TRY(Gate gate, gate_of(workflow, *nodes, id, node));
      if (environment.empty() || gate.environment == environment) found.push_back(std::move(gate));
    }
  }
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("workflow {} waits for no approval{}", name,
                            environment.empty() ? "" : " of " + environment),
                fmt::format("it is {}", workflow.find("status") == nullptr
                                            ? "new"
                                            : text_at(workflow, {"status", "phase"})));
  }
  return fail(ErrorCode::usage, fmt::format("workflow {} waits for several approvals", name),
              "name one by --environment");
}

bool holds_decision(const Value& workflow, const Gate& gate,
                    const store::DecisionRecord& decision) {
  Gate now = gate;
  now.decisions.clear();
  read_decisions(workflow, now);
  return std::any_of(now.decisions.begin(), now.decisions.end(), [&](const auto& each) {
    return each.who == decision.who && each.decided_at == decision.decided_at;
  });
}

Result<GateDecision> decide(const Gate& gate, const store::DecisionRecord& decision) {
  const std::string subject =
      fmt::format("the deployment of workflow {} to {}", gate.workflow, gate.environment);
  APHEX_CHECK(store::may_decide(gate.policy, gate.author, gate.decisions, decision, subject));
  std::vector<store::DecisionRecord> decisions = gate.decisions;
  decisions.push_back(decision);
  GateDecision made;
  made.verdict = store::verdict_of(gate.policy, decisions);
  made.patch = Value::object(
      {{"metadata",
        Value::object(
            {{"resourceVersion", gate.resource_version},
             {"annotations", Value::object({{annotation_key(gate.environment),
                                             doc::to_json(record_of(gate, decisions))}})}})}});
  if (made.verdict != store::ApprovalVerdict::waiting) {
    made.patch.set(
        "status",
        Value::object(
            {{"nodes", Value::object({{gate.node, ended_node(gate, decisions, made.verdict)}})}}));
  }
  return made;
}

}  // namespace aphex::stage
