#include "store/approval_json.hpp"

namespace aphex::store {
namespace {

using doc::Value;

std::string time_text(Millis time) {
  return os::format_time(os::WallTime(std::chrono::milliseconds(time)));
}

}  // namespace

Value to_value(const DecisionRecord& decision) {
  return Value::object({{"who", decision.who},
                        {"decision", to_string(decision.decision)},
                        {"comment", decision.comment},
                        {"decidedAt", time_text(decision.decided_at)}});
}

Value to_value(const ApprovalRecord& record) {
  Value value = Value::object({{"id", record.id},
                               {"run", record.run},
                               {"pipeline", record.pipeline},
                               {"environment", record.environment},
                               {"state", to_string(record.state)},
                               {"summary", record.summary},
                               {"broadens", record.broadens},
                               {"digest", record.digest},
                               {"approvers", Value::strings(record.policy.approvers)},
                               {"quorum", record.policy.quorum},
                               {"selfApproval", record.policy.self_approval},
                               {"createdAt", time_text(record.created_at)},
                               {"expiresAt", time_text(record.expires_at)}});
  if (record.ended_at) value.set("endedAt", time_text(*record.ended_at));
  value.set("commitSha", record.commit_sha);
  value.set("branch", record.branch);
  value.set("author", record.author);
  if (record.state == ApprovalState::pending) {
    value.set("waitsFor", waits_for(record.policy, record.decisions));
  }
  Value decisions = Value::array();
  for (const DecisionRecord& decision : record.decisions)
    decisions.push_back(to_value(decision));
  value.set("decisions", std::move(decisions));
  return value;
}

}  // namespace aphex::store
