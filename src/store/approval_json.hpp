#pragma once
// Approvals as JSON, for commands and the API. Times are RFC 3339, UTC.
//
// {"id", "run", "pipeline", "environment", "state", "summary", "broadens", "digest", "approvers",
//  "quorum", "selfApproval", "createdAt", "expiresAt", "endedAt"?, "commitSha", "branch", "author",
//  "waitsFor", "decisions": [{"who", "decision", "comment", "decidedAt"}]}

#include "doc/value.hpp"
#include "store/approvals.hpp"

namespace aphex::store {

doc::Value to_value(const DecisionRecord& decision);
doc::Value to_value(const ApprovalRecord& record);

}  // namespace aphex::store
