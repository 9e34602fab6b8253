#include "pipeline/policy_packing.hpp"

#include <fmt/format.h>

#include "doc/value.hpp"

namespace aphex::pipeline {
namespace {

using iam::PolicyStatement;

class Packer {
 public:
  void add(const PolicyStatement& statement) {
    if (packed_.managed.empty() && fits_role(statement)) {
      packed_.in_role.push_back(statement);
    } else {
      add_managed(statement);
    }
  }
  PackedPolicies take() { return std::move(packed_); }

 private:
  static bool fits(std::vector<PolicyStatement> policy, const PolicyStatement& statement,
                   std::size_t limit) {
    policy.push_back(statement);
    return policy_characters(policy) <= limit;
  }
  bool fits_role(const PolicyStatement& statement) const {
    return fits(packed_.in_role, statement, kMaxInlineCharacters);
  }

  // Into the last managed policy, a new one, or, where it is larger than a whole one, in parts.
  void add_managed(const PolicyStatement& statement) {
    if (!packed_.managed.empty() &&
        fits(packed_.managed.back(), statement, kMaxManagedCharacters)) {
      return packed_.managed.back().push_back(statement);
    }
    if (fits({}, statement, kMaxManagedCharacters)) {
      return packed_.managed.push_back({statement});
    }
    PolicyStatement part = statement;
    part.resources.clear();
    std::size_t number = 1;
    const auto flush = [&] {
      if (part.resources.empty()) return;
      if (!part.sid.empty()) part.sid = statement.sid + std::to_string(number++);
      packed_.managed.push_back({part});
      part.resources.clear();
    };
    // Counted once a resource, not the whole document again: there may be thousands.
    std::size_t size = frame(statement);
    for (const Value& resource : statement.resources) {
      const std::size_t more = doc::to_json(resource).size() + 1;
      if (size + more > kMaxManagedCharacters) {
        flush();
        size = frame(statement);
      }
      part.resources.push_back(resource);
      size += more;
    }
    flush();
  }

  // A policy of this statement without its resources, with room for the sid's number.
  static std::size_t frame(PolicyStatement statement) {
    constexpr std::size_t kBracketsAndNumber = 10;
    statement.resources.clear();
    statement.resources.emplace_back("");
    return policy_characters({statement}) + kBracketsAndNumber;
  }

  PackedPolicies packed_;
};

}  // namespace

std::size_t policy_characters(const std::vector<PolicyStatement>& statements) {
  return doc::to_json(iam::policy_document(statements)).size();
}

Result<PackedPolicies> pack(const std::vector<PolicyStatement>& statements) {
  Packer packer;
  for (const PolicyStatement& statement : statements)
    packer.add(statement);
  PackedPolicies packed = packer.take();
  if (packed.managed.size() > kMaxManagedPolicies) {
    return fail(ErrorCode::unsupported,
                fmt::format("the workflow role needs {} managed policies, and IAM attaches {} to a "
                            "role: too many accounts, regions and stacks for one pipeline",
                            packed.managed.size(), kMaxManagedPolicies),
                "divide the environments between several configurations, each with a pipeline "
                "(pipeline.name) of its own");
  }
  return packed;
}

}  // namespace aphex::pipeline
