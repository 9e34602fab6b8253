#pragma once
// Every message about a configuration: ids, severities and wording in one place.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/rules.hpp"
#include "doc/document.hpp"

namespace aphex::config::messages {

// A value that is wrong: where it stands, what it is called, and what was found.
struct Subject {
  Span span;
  std::string path;  // "environments[0].region"
  const doc::Node& node;
};

// Structure.
Diagnostic not_a_mapping(const doc::Node& root);
Diagnostic missing_field(Span span, std::string_view path);
Diagnostic empty_field(Span span, std::string_view path);
struct UnknownKey {
  Span span;
  std::string path;
  std::string_view key;
  std::vector<std::string> known;
};
Diagnostic unknown_key(const UnknownKey& unknown, Severity severity);
Diagnostic wrong_type(const Subject& subject, std::string_view expected);
Diagnostic empty_list(Span span, std::string_view path, std::string_view item);
Diagnostic out_of_range(const Subject& subject, std::int64_t least, std::int64_t most);
Diagnostic not_allowed_number(const Subject& subject, std::span<const std::int64_t> allowed);

// Texts that break their rule.
Diagnostic invalid_text(const Subject& subject, const TextRule& rule);
Diagnostic unquoted_version(Span span);
Diagnostic wrong_version(const Subject& subject);
Diagnostic account_format(const Subject& subject);
Diagnostic unquoted_account(const Subject& subject);
Diagnostic duration_without_unit(const Subject& subject);
Diagnostic duration_range(const Subject& subject, std::chrono::seconds longest);

// Regions.
Diagnostic unknown_region(Span span, std::string_view region, std::span<const std::string> known);

// Names and dependencies.
Diagnostic placeholder_account(Span span, std::string_view environment);
Diagnostic duplicate_environment(Span span, std::string_view name, Position first);
Diagnostic duplicate_stack(Span span, std::string_view name, Position first);
struct SharedStack {
  Span span;
  std::string_view stack, account, region;
  std::string_view environment, other_environment;
  std::size_t count = 0;  // of stacks that both deploy; `stack` is the first
};
Diagnostic shared_stack(const SharedStack& shared);
struct UnknownDependency {
  Span span;
  std::string_view stack, dependency;
  std::vector<std::string> known;      // stacks of the same environment
  std::string_view other_environment;  // that has a stack of this name; may be empty
};
Diagnostic unknown_dependency(const UnknownDependency& unknown);
Diagnostic repeated_dependency(Span span, std::string_view stack, std::string_view dependency);
Diagnostic cycle(Span span, std::span<const std::string> path);

// Approvals.
Diagnostic repeated_approver(Span span, std::string_view name);
struct QuorumTooLarge {
  Span span;
  std::string_view environment;
  std::int64_t quorum = 0;
  std::size_t approvers = 0;
};
Diagnostic quorum_too_large(const QuorumTooLarge& of);

// Lists that may be empty.
Diagnostic no_stacks(Span span, std::string_view environment);
Diagnostic no_tests(Span span, std::string_view environment);

// Stack files.
Diagnostic path_missing(Span span, std::string_view path, std::span<const std::string> similar);
Diagnostic path_directory(Span span, std::string_view path);
Diagnostic path_outside(Span span, std::string_view path);
Diagnostic path_too_deep(Span span, std::string_view path);

// Every id that a diagnostic of the configuration can have, with a sentence for rule tables.
struct Rule {
  std::string_view id;
  std::string_view description;
};
std::span<const Rule> all_rules();

}  // namespace aphex::config::messages
