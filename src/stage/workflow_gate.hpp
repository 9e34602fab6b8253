#pragma once
// The gate of a workflow, as those who decide see it: read out of the Workflow, changed by a merge
// patch. Pure.
//
// Decisions are kept in an annotation of the Workflow, approvals.aphex.dev/<environment>:
// {"version": 1, "node": the gate's id, "decisions": [{"who", "decision", "comment",
// "decidedAt"}]}. When they are enough, the same patch ends the node: phase and outputs, as Argo's
// own 'argo node set' does it (argo-workflows 4.1, workflow/util/util.go, updateSuspendedNode).

#include <string>

#include "base/result.hpp"
#include "doc/value.hpp"
#include "store/approval_rules.hpp"

namespace aphex::stage {

struct Gate {
  std::string workflow;
  std::string name_space;
  std::string resource_version;
  std::string node;  // its id
  std::string environment;
  std::string digest;      // of what is shown
  std::string summary;     // of what is shown
  std::string text;        // what is shown, its first part
  std::string author;      // of the commit
  std::string started_at;  // of the wait, RFC 3339
  std::int64_t expires_seconds = 0;
  store::ApprovalPolicy policy;
  std::vector<store::DecisionRecord> decisions;
};

// The one gate that waits, or the one of `environment`. Errors: not_found (none waits), usage
// (several do), unsupported (the nodes are not in the object).
Result<Gate> read_gate(const doc::Value& workflow, const std::string& environment);

struct GateDecision {
  doc::Value patch;  // of the Workflow
  store::ApprovalVerdict verdict = store::ApprovalVerdict::waiting;
};
// Errors as of store::may_decide().
Result<GateDecision> decide(const Gate& gate, const store::DecisionRecord& decision);

// Whether this very decision stands in the Workflow: who wrote it may not have heard of it.
bool holds_decision(const doc::Value& workflow, const Gate& gate,
                    const store::DecisionRecord& decision);

}  // namespace aphex::stage
