#pragma once
// Statements into the policies of one role, within IAM's limits.

#include <cstddef>
#include <vector>

#include "aphex/iam.hpp"
#include "aphex/result.hpp"

namespace aphex::pipeline {

// IAM User Guide, "IAM and AWS STS quotas" (2026-11): characters without white space. The number of
// managed policies is a default that an account can raise; the others cannot be.
inline constexpr std::size_t kMaxInlineCharacters = 10'240;  // of all of a role's inline policies
inline constexpr std::size_t kMaxManagedCharacters = 6'144;
inline constexpr std::size_t kMaxManagedPolicies = 10;

struct PackedPolicies {
  std::vector<iam::PolicyStatement> in_role;               // one inline policy; may be empty
  std::vector<std::vector<iam::PolicyStatement>> managed;  // each of them one managed policy
};

// All in the role where they fit; what does not goes to managed policies, a statement with many
// resources in several parts.
Result<PackedPolicies> pack(const std::vector<iam::PolicyStatement>& statements);

// Of a policy document with these statements, as IAM counts.
std::size_t policy_characters(const std::vector<iam::PolicyStatement>& statements);

}  // namespace aphex::pipeline
