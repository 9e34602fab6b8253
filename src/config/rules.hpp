#pragma once
// What a text in the configuration may look like. Each rule says it twice: as a regular expression
// for editors (ECMA-262, in the JSON schema) and as a function; a test checks that both agree.

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace aphex::config {

enum class RuleId {
  version,
  command,
  environment_name,
  stack_name,
  region,
  account,
  stack_path,
  repository_path,
  duration,
  choice,
  other,
};

// Bounds of durations; the second is of those that say nothing else.
inline constexpr std::chrono::seconds kMinTimeout{1};
inline constexpr std::chrono::seconds kMaxTimeout{24 * 3600};
// An approval may have to wait for somebody's return, but not for ever: the run holds its turn.
inline constexpr std::chrono::seconds kMaxApprovalWait{7 * 24 * 3600};

struct TextRule {
  RuleId id = RuleId::other;
  std::string_view expectation;  // "must be …"
  std::string_view pattern;      // empty where `choices` stand
  bool (*accepts)(std::string_view text) = nullptr;
  std::size_t max_length = 0;  // in characters; 0: the pattern bounds it
  std::span<const std::string_view> choices{};
  std::span<const std::string_view> examples{};
  std::chrono::seconds longest = kMaxTimeout;  // of a duration
};

bool accepts(const TextRule& rule, std::string_view text);

namespace rules {

extern const TextRule version;
extern const TextRule command;
extern const TextRule environment_name;
extern const TextRule stack_name;
extern const TextRule region;
extern const TextRule account;
extern const TextRule stack_path;
extern const TextRule repository_path;
extern const TextRule config_path;
extern const TextRule duration;
extern const TextRule approval_wait;
extern const TextRule person;
extern const TextRule pipeline_name;
extern const TextRule on_change;
extern const TextRule bootstrap_qualifier;
extern const TextRule artifact_store;
extern const TextRule cluster_name;
extern const TextRule github_owner;
extern const TextRule github_repo;
extern const TextRule github_branch;
extern const TextRule secret_name;
extern const TextRule kubernetes_name;
extern const TextRule event_source_name;
extern const TextRule bucket_name;
extern const TextRule export_prefix;
extern const TextRule image;
extern const TextRule image_key;
extern const TextRule host_name;
extern const TextRule arn;
extern const TextRule role_arn;
extern const TextRule policy_arn;
extern const TextRule oidc_provider_arn;
extern const TextRule oidc_issuer;
extern const TextRule key_arn;
extern const TextRule topic_arn;
extern const TextRule certificate_arn;
extern const TextRule cloudformation_stack;
extern const TextRule role_name;
extern const TextRule tag_value;
extern const TextRule annotation_key;
extern const TextRule annotation_value;
extern const TextRule server_url;
extern const TextRule url_path;
extern const TextRule quantity;
extern const TextRule pull_requests;
extern const TextRule forks;
extern const TextRule webhook_type;
extern const TextRule argo_version;

// Every rule, for the tests.
std::span<const TextRule* const> all();

}  // namespace rules

// "1h30m" in seconds; nothing where it is no duration. Not bounded to kMinTimeout and
// TextRule::longest.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

bool has_parent_segment(std::string_view path);   // ".." anywhere
bool is_declaration_file(std::string_view path);  // .d.ts, .d.mts, .d.cts
bool is_typescript_file(std::string_view path);   // .ts, .mts, .cts, declarations included

}  // namespace aphex::config
