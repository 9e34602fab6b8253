#include "config/messages.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/placeholder.hpp"
#include "config/regions.hpp"

namespace aphex::config::messages {
namespace {

using doc::NodeKind;

// The user's text in a sentence: a long one is cut, control characters are replaced.
std::string shown(std::string_view text) {
  constexpr std::size_t kMaxCharacters = 80;
  std::string out = utf8_substr(text, 0, kMaxCharacters);
  if (out.size() < text.size()) out += "…";
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

Diagnostic error(std::string_view id, Span span, std::string message, std::string hint = {}) {
  return {.id = id,
          .severity = Severity::error,
          .span = span,
          .message = std::move(message),
          .hint = std::move(hint)};
}

Diagnostic warning(std::string_view id, Span span, std::string message, std::string hint = {}) {
  Diagnostic diagnostic = error(id, span, std::move(message), std::move(hint));
  diagnostic.severity = Severity::warning;
  return diagnostic;
}

bool is_scalar(NodeKind kind) {
  return kind != NodeKind::sequence && kind != NodeKind::mapping && kind != NodeKind::null;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const auto near = closest_match(word, candidates);
  return near ? fmt::format("did you mean {}", *near) : std::string();
}

// What a list in a hint may show before it is cut.
constexpr std::size_t kMaxListed = 12;

std::string listed(std::span<const std::string> words) {
  const bool cut = words.size() > kMaxListed;
  return join(words.first(cut ? kMaxListed : words.size()), ", ") + (cut ? ", …" : "");
}

std::string last_key(std::string_view path) {
  return std::string(path.substr(path.rfind('.') + 1));
}

// The right form of what somebody wrote.
std::string type_hint(const Subject& subject, std::string_view expected) {
  const NodeKind found = subject.node.kind;
  if (found == NodeKind::null) return "give it a value, or remove the key";
  const bool wants_text = expected == "a string";
  if (wants_text && is_scalar(found)) {
    return fmt::format("quote it: \"{}\"", shown(subject.node.text));
  }
  if (wants_text && found == NodeKind::mapping && subject.node.members.size() == 1) {
    return "quote a text that contains ': '";
  }
  if (expected == "a list of strings" && is_scalar(found)) {
    return fmt::format("write each item on its own line: - {}", shown(subject.node.text));
  }
  if (expected == "a list of mappings" && found == NodeKind::mapping) {
    return "begin each item with '- '";
  }
  if (expected == "a boolean" && is_scalar(found)) return "write true or false";
  if (expected == "a mapping" && found == NodeKind::sequence) {
    return "write its keys without '-'";
  }
  return {};
}

std::string control_hint(const Subject& subject) {
  const auto bad = std::find_if(subject.node.text.begin(), subject.node.text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
  });
  if (bad == subject.node.text.end()) return {};
  return fmt::format("remove control character U+{:04X}", static_cast<unsigned char>(*bad));
}

Diagnostic invalid_command(const Subject& subject) {
  const std::string hint = control_hint(subject);
  if (!hint.empty()) {
    return error("config/invalid-command", subject.span,
                 fmt::format("Control character in a command: {}", subject.path), hint);
  }
  if (!trim(subject.node.text).empty()) {
    return error("config/invalid-command", subject.span,
                 fmt::format("Command longer than {} characters: {}", rules::command.max_length,
                             subject.path),
                 "put it into a script of the repository");
  }
  return error("config/invalid-command", subject.span,
               fmt::format("Blank command: {}", subject.path), "remove it, or write a command");
}

Diagnostic invalid_stack_path(const Subject& subject) {
  const std::string& path = subject.node.text;
  const auto say = [&](std::string_view what, std::string hint) {
    return error("config/invalid-path", subject.span, fmt::format("{}: {}", what, shown(path)),
                 std::move(hint));
  };
  if (path.empty()) {
    return error("config/invalid-path", subject.span, fmt::format("Empty path: {}", subject.path),
                 "name the TypeScript file of the stack");
  }
  if (const std::string hint = control_hint(subject);
      !hint.empty() || path.find_first_of("\n\t") != std::string::npos) {
    return say("Control character in a stack path", hint);
  }
  if (path.front() == '/') {
    return say("Stack path must be relative to the repository",
               "write it from the repository's root, such as lib/app-stack.ts");
  }
  if (has_parent_segment(path)) {
    return say("Stack path must not contain '..'", "write it from the repository's root");
  }
  if (path.find('\\') != std::string::npos) {
    return say("Stack path contains a backslash", "separate folders with '/'");
  }
  if (is_declaration_file(path)) {
    return say("Stack path names a declaration file, which defines no stack",
               "name the .ts file beside it");
  }
  if (!is_typescript_file(path)) {
    return say("Stack path must name a TypeScript file", "its name ends in .ts, .mts or .cts");
  }
  return say("Stack path is too long", "at most 1024 characters");
}

// A text that cannot be a region: often a zone of one.
Diagnostic invalid_region(const Subject& subject) {
  const std::string_view text = subject.node.text;
  std::vector<std::string> known;
  for (const Region& region : known_regions()) {
    known.emplace_back(region.name);
    if (!text.starts_with(region.name) || text.size() == region.name.size()) continue;
    const std::string_view rest = text.substr(region.name.size());
    const bool zone = rest.size() == 1 && rest[0] >= 'a' && rest[0] <= 'z';
    if (!zone && rest[0] != '-') continue;
    return error("config/region", subject.span,
                 zone ? fmt::format("{} is an availability zone, not a region", shown(text))
                      : fmt::format("{} is a zone of {}, not a region", shown(text), region.name),
                 fmt::format("write {}", region.name));
  }
  return unknown_region(subject.span, text, known);
}

}  // namespace

Diagnostic not_a_mapping(const doc::Node& root) {
  return error("config/wrong-type", root.span,
               fmt::format("Expected a mapping with the keys version, build and environments, "
                           "found {}",
                           doc::to_string(root.kind)));
}

Diagnostic missing_field(Span span, std::string_view path) {
  return error("config/missing-field", span, fmt::format("Missing required field: {}", path),
               fmt::format("add '{}:'", last_key(path)));
}

Diagnostic empty_field(Span span, std::string_view path) {
  return error("config/missing-field", span, fmt::format("Missing required field: {}", path),
               "the key is there, its value is not");
}

Diagnostic unknown_key(const UnknownKey& unknown, Severity severity) {
  std::string hint = did_you_mean(unknown.key, unknown.known);
  if (hint.empty() && !unknown.known.empty()) hint = "known keys: " + listed(unknown.known);
  Diagnostic diagnostic =
      error("config/unknown-key", unknown.span, fmt::format("Unknown key: {}", shown(unknown.path)),
            std::move(hint));
  diagnostic.severity = severity;
  return diagnostic;
}

Diagnostic wrong_type(const Subject& subject, std::string_view expected) {
  return error("config/wrong-type", subject.span,
               fmt::format("Wrong type of {}: expected {}, found {}", subject.path, expected,
                           doc::to_string(subject.node.kind)),
               type_hint(subject, expected));
}

Diagnostic empty_list(Span span, std::string_view path, std::string_view item) {
  return error("config/empty-list", span,
               fmt::format("Empty list: {} needs at least one {}", path, item));
}

Diagnostic out_of_range(const Subject& subject, std::int64_t least, std::int64_t most) {
  return error("config/out-of-range", subject.span,
               fmt::format("{} must be between {} and {}, found {}", subject.path, least, most,
                           shown(subject.node.text)));
}

Diagnostic not_allowed_number(const Subject& subject, std::span<const std::int64_t> allowed) {
  std::vector<std::string> words;
  for (const std::int64_t number : allowed)
    words.push_back(std::to_string(number));
  return error("config/out-of-range", subject.span,
               fmt::format("{} must be one of {}; found {}", subject.path, join(words, ", "),
                           shown(subject.node.text)));
}

Diagnostic invalid_text(const Subject& subject, const TextRule& rule) {
  const std::string& text = subject.node.text;
  switch (rule.id) {
    case RuleId::version:
      return wrong_version(subject);
    case RuleId::account:
      return account_format(subject);
    case RuleId::command:
      return invalid_command(subject);
    case RuleId::stack_path:
      return invalid_stack_path(subject);
    case RuleId::region:
      return invalid_region(subject);
    case RuleId::environment_name:
    case RuleId::stack_name:
    case RuleId::repository_path:
    case RuleId::duration:
    case RuleId::choice:
    case RuleId::other:
      break;
  }
  std::string hint = control_hint(subject);
  if (!rule.choices.empty()) {
    hint = did_you_mean(text, std::vector<std::string>(rule.choices.begin(), rule.choices.end()));
  }
  return error(
      "config/invalid-value", subject.span,
      fmt::format("Invalid {}: '{}' is not {}", subject.path, shown(text), rule.expectation),
      std::move(hint));
}

Diagnostic unquoted_version(Span span) {
  return error("config/unquoted-version", span,
               "Version without quotes: YAML reads 1.0 as a number, and the version is a text",
               "quote it: version: \"1.0\"");
}

Diagnostic wrong_version(const Subject& subject) {
  return error("config/version", subject.span,
               fmt::format("Unsupported version: '{}', must be \"1.0\"", shown(subject.node.text)),
               "write version: \"1.0\"");
}

Diagnostic account_format(const Subject& subject) {
  const std::string& text = subject.node.text;
  std::string hint = fmt::format("found '{}', {} characters", shown(text), utf8_length(text));
  if (subject.node.kind != NodeKind::string) {
    const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
    if (digits && text.size() < 12) {
      // YAML writers that read it as a number drop the zeros in front.
      hint = "quote it, with all zeros in front: account: \"" + std::string(12 - text.size(), '0') +
             text + "\"";
    } else {
      hint = "write 12 digits in quotes: account: \"123456789012\"";
    }
  }
  return error("config/account-format", subject.span,
               "Invalid AWS account ID format: must be 12 digits", std::move(hint));
}

Diagnostic unquoted_account(const Subject& subject) {
  return error("config/unquoted-account", subject.span,
               "AWS account ID without quotes: YAML reads a number and drops a leading zero",
               fmt::format("quote it: account: \"{}\"", subject.node.text));
}

Diagnostic duration_without_unit(const Subject& subject) {
  return error("config/wrong-type", subject.span,
               fmt::format("Wrong type of {}: expected a duration, found {}", subject.path,
                           doc::to_string(subject.node.kind)),
               fmt::format("add the unit: {}s", shown(subject.node.text)));
}

Diagnostic duration_range(const Subject& subject, std::chrono::seconds longest) {
  return error("config/out-of-range", subject.span,
               fmt::format("{} must be between 1s and {}h, found {}", subject.path,
                           std::chrono::duration_cast<std::chrono::hours>(longest).count(),
                           shown(subject.node.text)));
}

Diagnostic unknown_region(Span span, std::string_view region, std::span<const std::string> known) {
  std::string hint = did_you_mean(region, known);
  if (hint.empty()) hint = "for a region newer than this program: pipeline.additionalRegions";
  return error("config/region", span, fmt::format("Unknown AWS region: {}", shown(region)),
               std::move(hint));
}

Diagnostic placeholder_account(Span span, std::string_view environment) {
  return warning("config/placeholder-account", span,
                 fmt::format("Environment {} has a placeholder for its account: {}",
                             shown(environment), kPlaceholderAccount),
                 "'aws sts get-caller-identity' says which account you are in; the local AWS takes "
                 "any");
}

Diagnostic duplicate_environment(Span span, std::string_view name, Position first) {
  return error("config/duplicate-environment", span,
               fmt::format("Duplicate environment name: {}, first at line {}, column {}",
                           shown(name), first.line, first.column),
               "give each environment its own name");
}

Diagnostic duplicate_stack(Span span, std::string_view name, Position first) {
  return error("config/duplicate-stack", span,
               fmt::format("Duplicate stack name: {}, first at line {}, column {}", shown(name),
                           first.line, first.column),
               "name each stack of an environment once");
}

Diagnostic shared_stack(const SharedStack& shared) {
  const std::string more =
      shared.count > 1 ? fmt::format(" and {} more", shared.count - 1) : std::string();
  return warning("config/shared-stack", shared.span,
                 fmt::format("Environments {} and {} both deploy {}{} to account {} in {}",
                             shared.other_environment, shared.environment, shown(shared.stack),
                             more, shared.account, shared.region),
                 "the later overwrites the earlier unless the application gives each its own "
                 "stackName");
}

Diagnostic unknown_dependency(const UnknownDependency& unknown) {
  std::string hint;
  if (!unknown.other_environment.empty()) {
    hint = fmt::format("{} is a stack of environment {}; dependencies stay within one environment",
                       shown(unknown.dependency), unknown.other_environment);
  } else {
    hint = did_you_mean(unknown.dependency, unknown.known);
    if (hint.empty() && !unknown.known.empty()) {
      hint = "stacks of this environment: " + listed(unknown.known);
    }
  }
  return error("config/unknown-dependency", unknown.span,
               fmt::format("Stack dependency not found: {} depends on {}", shown(unknown.stack),
                           shown(unknown.dependency)),
               std::move(hint));
}

Diagnostic repeated_dependency(Span span, std::string_view stack, std::string_view dependency) {
  return warning("config/repeated-dependency", span,
                 fmt::format("{} names its dependency {} twice", shown(stack), shown(dependency)),
                 "remove one of them");
}

Diagnostic cycle(Span span, std::span<const std::string> path) {
  std::string text;
  for (const std::string& name : path)
    text += shown(name) + " → ";
  text += shown(path.front());
  return error(
      "config/dependency-cycle", span, "Circular dependency detected: " + text,
      path.size() == 1 ? "a stack cannot depend on itself" : "remove one dependency of the circle");
}

Diagnostic no_stacks(Span span, std::string_view environment) {
  return warning("config/no-stacks", span,
                 fmt::format("Environment {} deploys nothing: its list of stacks is empty",
                             shown(environment)));
}

Diagnostic no_tests(Span span, std::string_view environment) {
  return warning("config/no-tests", span,
                 fmt::format("Environment {} has no test stage: its list of test commands is empty",
                             shown(environment)),
                 "remove 'tests:', or add a command");
}

Diagnostic path_missing(Span span, std::string_view path, std::span<const std::string> similar) {
  std::string hint = did_you_mean(path, similar);
  if (hint.empty() && !similar.empty()) hint = "files near it: " + listed(similar);
  return error("config/path-missing", span, fmt::format("Stack file not found: {}", shown(path)),
               std::move(hint));
}

Diagnostic path_directory(Span span, std::string_view path) {
  return error("config/path-not-a-file", span,
               fmt::format("Stack path is no regular file: {}", shown(path)),
               "name the TypeScript file of the stack");
}

Diagnostic repeated_approver(Span span, std::string_view name) {
  return error("config/repeated-approver", span,
               fmt::format("Approver is named twice: {}", shown(name)),
               "a person counts once; name each one once");
}

Diagnostic quorum_too_large(const QuorumTooLarge& of) {
  return error("config/quorum", of.span,
               fmt::format("Quorum of environment {} is {}, but only {} {} named who may approve",
                           shown(of.environment), of.quorum, of.approvers,
                           of.approvers == 1 ? "person is" : "people are"),
               fmt::format("name more approvers, or write quorum: {}", of.approvers));
}

Diagnostic path_outside(Span span, std::string_view path) {
  return error("config/path-outside", span,
               fmt::format("Stack path leaves the repository through a link: {}", shown(path)),
               "name a file inside the repository");
}

Diagnostic path_too_deep(Span span, std::string_view path) {
  return error("config/path-outside", span,
               fmt::format("Stack path passes too many links or folders: {}", shown(path)));
}

std::span<const Rule> all_rules() {
  static constexpr std::array kRules{
      Rule{"config/account-format", "An AWS account ID is a string of 12 digits"},
      Rule{"config/dependency-cycle", "Stacks of an environment depend on each other in no circle"},
      Rule{"config/duplicate-environment", "Each environment has its own name"},
      Rule{"config/duplicate-stack", "Each stack of an environment has its own name"},
      Rule{"config/empty-list", "A list that needs an item has one"},
      Rule{"config/invalid-command", "A command is not blank and holds no control characters"},
      Rule{"config/invalid-path", "A stack path is a relative path of a TypeScript file"},
      Rule{"config/invalid-value", "A text has the form of what it names"},
      Rule{"config/missing-field", "Required fields are there"},
      Rule{"config/no-stacks", "An environment has stacks"},
      Rule{"config/no-tests", "A test stage has commands"},
      Rule{"config/out-of-range", "Numbers and durations are within their bounds"},
      Rule{"config/path-missing", "A stack path names an existing file"},
      Rule{"config/path-not-a-file", "A stack path names a regular file"},
      Rule{"config/path-outside", "A stack path stays inside the repository"},
      Rule{"config/placeholder-account", "An environment has an account of its own"},
      Rule{"config/quorum", "Not more people must approve than are named"},
      Rule{"config/region", "A region is one of AWS"},
      Rule{"config/repeated-approver", "An approver is named once"},
      Rule{"config/repeated-dependency", "A dependency is named once"},
      Rule{"config/shared-stack", "Two environments do not overwrite each other's stack"},
      Rule{"config/unknown-dependency", "A dependency is a stack of the same environment"},
      Rule{"config/unknown-key", "Keys are those of the schema"},
      Rule{"config/unquoted-account", "An AWS account ID is quoted"},
      Rule{"config/unquoted-version", "The version is quoted"},
      Rule{"config/version", "The version is 1.0"},
      Rule{"config/wrong-type", "Values have the type of the schema"},
  };
  return kRules;
}

}  // namespace aphex::config::messages
