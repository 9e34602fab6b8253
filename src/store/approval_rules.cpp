#include "store/approval_rules.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::store {
namespace {

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

Status check_name(std::string_view who) {
  if (who.empty()) {
    return fail(ErrorCode::usage, "a decision needs the name of who makes it",
                "name yourself with --as");
  }
  if (who.size() > kMaxApproverName || has_control_character(who) || find_invalid_utf8(who)) {
    return fail(
        ErrorCode::usage,
        fmt::format("a decision's name is one line of at most {} characters", kMaxApproverName));
  }
  return {};
}

Status check_comment(std::string_view comment) {
  if (comment.size() <= kMaxComment && !find_invalid_utf8(comment)) return {};
  return fail(ErrorCode::usage,
              fmt::format("a comment is UTF-8 text of at most {} bytes", kMaxComment),
              "say it shorter");
}

std::int64_t approvals_in(const std::vector<DecisionRecord>& decisions) {
  return std::count_if(decisions.begin(), decisions.end(), [](const DecisionRecord& record) {
    return record.decision == Decision::approve;
  });
}

bool is_approver(const ApprovalPolicy& policy, std::string_view who) {
  return policy.approvers.empty() ||
         std::find(policy.approvers.begin(), policy.approvers.end(), who) != policy.approvers.end();
}

}  // namespace

std::string_view to_string(Decision decision) {
  return decision == Decision::approve ? "approve" : "reject";
}

std::optional<Decision> decision_from(std::string_view text) {
  if (text == "approve") return Decision::approve;
  if (text == "reject") return Decision::reject;
  return std::nullopt;
}

bool is_author(std::string_view who, std::string_view author) {
  const std::string person = to_lower(trim(who));
  if (person.empty()) return false;
  const std::size_t open = author.rfind('<');
  if (person == to_lower(trim(author.substr(0, open)))) return true;
  if (open == std::string_view::npos) return false;
  std::string_view address = author.substr(open + 1);
  address = trim(address.substr(0, address.find('>')));
  return person == to_lower(address) || person == to_lower(address.substr(0, address.find('@')));
}

Status may_decide(const ApprovalPolicy& policy, std::string_view author,
                  const std::vector<DecisionRecord>& before, const DecisionRecord& decision,
                  std::string_view subject) {
  APHEX_CHECK(check_name(decision.who));
  APHEX_CHECK(check_comment(decision.comment));
  if (!is_approver(policy, decision.who)) {
    return fail(ErrorCode::permission,
                fmt::format("{} is not among the approvers of {}", decision.who, subject),
                "ask one of them: " + join(policy.approvers, ", "));
  }
  for (const DecisionRecord& record : before) {
    if (record.who != decision.who) continue;
    return fail(ErrorCode::usage,
                fmt::format("{} has decided about {} already ({})", decision.who, subject,
                            to_string(record.decision)),
                "a person decides once");
  }
  // With a quorum of two or more there is always somebody else.
  if (decision.decision == Decision::approve && policy.quorum < 2 && !policy.self_approval &&
      is_author(decision.who, author)) {
    return fail(ErrorCode::permission,
                fmt::format("{} is the author of the commit, and nobody else has approved {}",
                            decision.who, subject),
                "let somebody else approve it, or set approval.selfApproval: true in the "
                "configuration");
  }
  return {};
}

ApprovalVerdict verdict_of(const ApprovalPolicy& policy,
                           const std::vector<DecisionRecord>& decisions) {
  const std::int64_t approvals = approvals_in(decisions);
  if (approvals < static_cast<std::int64_t>(decisions.size())) return ApprovalVerdict::rejected;
  return approvals >= policy.quorum ? ApprovalVerdict::approved : ApprovalVerdict::waiting;
}

std::string waits_for(const ApprovalPolicy& policy, const std::vector<DecisionRecord>& decisions) {
  std::vector<std::string> open;
  for (const std::string& name : policy.approvers) {
    const bool decided =
        std::any_of(decisions.begin(), decisions.end(),
                    [&](const DecisionRecord& record) { return record.who == name; });
    if (!decided) open.push_back(name);
  }
  const std::int64_t missing = std::max<std::int64_t>(0, policy.quorum - approvals_in(decisions));
  if (open.empty()) return missing == 1 ? "anybody" : fmt::format("{} people", missing);
  const std::string names = join(open, ", ");
  if (missing == static_cast<std::int64_t>(open.size())) return names;
  return fmt::format("{} of {}", missing, names);
}

}  // namespace aphex::store
