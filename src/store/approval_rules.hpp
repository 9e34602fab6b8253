#pragma once
// Who may approve, and when it is enough. Pure: the database, the server and the gate of a workflow
// on a cluster judge by the same rules.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/run_records.hpp"

namespace aphex::store {

enum class Decision { approve, reject };
std::string_view to_string(Decision decision);
std::optional<Decision> decision_from(std::string_view text);

struct ApprovalPolicy {
  std::vector<std::string> approvers;  // names; empty: anybody who can reach the gate
  std::int64_t quorum = 1;             // how many different people must approve
  bool self_approval = false;          // whether the commit's author may be the only one
};

struct DecisionRecord {
  std::string who;
  Decision decision = Decision::approve;
  std::string comment;
  Millis decided_at = 0;
};

enum class ApprovalVerdict { waiting, approved, rejected };

// The longest comment and name that are kept.
inline constexpr std::size_t kMaxComment = 2'000;
inline constexpr std::size_t kMaxApproverName = 128;

// Whether `who` is the author: the name, the address or what stands before its @, in whatever case.
// `author` is "Name <address>", or a name alone.
bool is_author(std::string_view who, std::string_view author);

// Whether `who` may decide so, after `before` (which is still waiting). One rejection ends it; a
// person decides once; the author is never the only one to approve unless the policy allows it.
// `subject` begins the messages: "the deployment of run 12 to prod".
// Errors: permission (not among the approvers; the author alone), usage (decided before; a name or
// comment that cannot be kept).
Status may_decide(const ApprovalPolicy& policy, std::string_view author,
                  const std::vector<DecisionRecord>& before, const DecisionRecord& decision,
                  std::string_view subject);

// What all decisions so far amount to.
ApprovalVerdict verdict_of(const ApprovalPolicy& policy,
                           const std::vector<DecisionRecord>& decisions);

// "ada, grace" or "anybody": for whom it waits. With a quorum: "2 of ada, grace, linus".
std::string waits_for(const ApprovalPolicy& policy, const std::vector<DecisionRecord>& decisions);

}  // namespace aphex::store
