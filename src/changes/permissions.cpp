#include "changes/permissions.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "changes/statements.hpp"

namespace aphex::changes {
namespace {

using Texts = std::vector<std::string>;

// More than this of one statement, and it is taken for a broadening without a look at each.
constexpr std::size_t kMaxAtoms = 10'000;

// IAM's wildcards: '*' any text, '?' any character. Linear in the product of the lengths.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++after;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

bool is_negative(const Texts& texts) {
  return !texts.empty() && texts.front().starts_with('!');
}

// Whether one of the patterns has the text.
bool covers(const Texts& patterns, const std::string& text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, text); });
}

// An action in lower case: IAM does not tell cases apart there.
Texts lowered(const Texts& texts) {
  Texts lower;
  lower.reserve(texts.size());
  for (const std::string& text : texts)
    lower.push_back(to_lower(text));
  return lower;
}

struct Atom {
  std::string principal, action, resource;
};

// Whether `statement` has the atom. Of lists that say what they do not mean, only the same list is
// sure to have as much; `other` is where the atom is from.
bool has(const Statement& statement, const Statement& other, const Atom& atom) {
  const auto part = [](const Texts& mine, const Texts& theirs, const std::string& text) {
    if (mine == theirs) return true;
    if (mine == Texts{"*"}) return true;
    if (is_negative(mine) || is_negative(theirs)) return false;
    return covers(mine, text);
  };
  const bool condition = statement.condition.empty() || statement.condition == other.condition;
  return condition && part(statement.principals, other.principals, atom.principal) &&
         part(lowered(statement.actions), lowered(other.actions), to_lower(atom.action)) &&
         part(statement.resources, other.resources, atom.resource);
}

// Whether the statements together have all that `statement` has, with the same effect.
bool covered(const Statement& statement, const std::vector<Statement>& by) {
  const std::size_t atoms =
      statement.principals.size() * statement.actions.size() * statement.resources.size();
  if (atoms == 0 || atoms > kMaxAtoms) return false;
  for (const std::string& principal : statement.principals) {
    for (const std::string& action : statement.actions) {
      for (const std::string& resource : statement.resources) {
        const Atom atom{principal, action, resource};
        const bool found = std::any_of(by.begin(), by.end(), [&](const Statement& other) {
          return other.effect == statement.effect && has(other, statement, atom);
        });
        if (!found) return false;
      }
    }
  }
  return true;
}

void add_reasons(const Statement& statement, std::vector<std::string>& reasons) {
  const auto any = [](const Texts& texts, auto&& test) {
    return std::any_of(texts.begin(), texts.end(), test);
  };
  if (is_negative(statement.actions)) reasons.emplace_back("every action but those named");
  if (any(statement.actions, [](const std::string& action) { return action == "*"; })) {
    reasons.emplace_back("any action");
  } else if (any(statement.actions,
                 [](const std::string& action) { return action.ends_with(":*"); })) {
    reasons.emplace_back("any action of a service");
  }
  if (is_negative(statement.resources)) reasons.emplace_back("every resource but those named");
  if (any(statement.resources, [](const std::string& resource) { return resource == "*"; })) {
    reasons.emplace_back("any resource");
  }
  if (is_negative(statement.principals)) reasons.emplace_back("everybody but those named");
  if (any(statement.principals, [](const std::string& who) { return who == "*"; })) {
    reasons.push_back(statement.condition.empty() ? "anybody" : "anybody, under a condition");
  }
}

std::string text_of(const Statement& statement) {
  const bool allows = statement.effect == "Allow";
  std::string text =
      fmt::format("{} {} {} on {}", allows ? "allows" : "denies", join(statement.principals, ", "),
                  join(statement.actions, ", "), join(statement.resources, ", "));
  if (!statement.condition.empty()) text += " if " + statement.condition;
  return text;
}

PermissionChange change_of(const Statement& statement, Change change, bool broadens) {
  PermissionChange made;
  made.change = change;
  made.broadens = broadens;
  made.id = statement.id;
  made.text = text_of(statement);
  made.effect = statement.effect;
  made.principals = statement.principals;
  made.actions = statement.actions;
  made.resources = statement.resources;
  made.condition = statement.condition;
  if (!broadens) return made;
  if (change == Change::removed) {
    made.reasons.emplace_back("it was denied");
  } else {
    add_reasons(statement, made.reasons);
  }
  return made;
}

// Those of `of` whose content `others` lacks, each content once.
std::vector<Statement> without(const std::vector<Statement>& of,
                               const std::vector<Statement>& others) {
  std::vector<Statement> left;
  const auto is_in = [](const std::vector<Statement>& list, const Statement& statement) {
    return std::any_of(list.begin(), list.end(), [&](const Statement& other) {
      return other.content() == statement.content();
    });
  };
  for (const Statement& statement : of) {
    if (!is_in(others, statement) && !is_in(left, statement)) left.push_back(statement);
  }
  return left;
}

// Whether it is about a resource that is gone: then nobody may do more with it, or as it.
bool is_gone(const Texts& texts, const Permissions& before, const Permissions& after) {
  for (const std::string& text : texts) {
    const std::size_t at = text.find("${");
    if (at == std::string::npos) continue;
    const std::string id = text.substr(at + 2, text.find_first_of(".}", at) - at - 2);
    if (before.ids.contains(id) && !after.ids.contains(id)) return true;
  }
  return false;
}

void compare_statements(const Permissions& before, const Permissions& after,
                        std::vector<PermissionChange>& changes) {
  for (const Statement& added : without(after.statements, before.statements)) {
    const bool broadens = added.effect == "Allow" && !covered(added, before.statements);
    changes.push_back(change_of(added, Change::added, broadens));
  }
  for (const Statement& removed : without(before.statements, after.statements)) {
    const bool broadens = removed.effect == "Deny" && !covered(removed, after.statements) &&
                          !is_gone(removed.principals, before, after) &&
                          !is_gone(removed.resources, before, after);
    changes.push_back(change_of(removed, Change::removed, broadens));
  }
}

using Key = std::pair<std::string, std::string>;  // who, which policy

std::set<Key> keys(const std::vector<Attachment>& attachments) {
  std::set<Key> found;
  for (const Attachment& attachment : attachments)
    found.emplace(attachment.principal, attachment.policy);
  return found;
}

PermissionChange change_of(const Attachment& attachment, PermissionKind kind, Change change,
                           bool broadens) {
  PermissionChange made;
  made.kind = kind;
  made.change = change;
  made.broadens = broadens;
  made.id = attachment.id;
  made.text = kind == PermissionKind::boundary
                  ? fmt::format("{} is bounded by {}", attachment.principal, attachment.policy)
                  : fmt::format("{} has {}", attachment.principal, attachment.policy);
  made.principals = {attachment.principal};
  made.resources = {attachment.policy};
  if (!broadens) return made;
  if (kind == PermissionKind::boundary) {
    made.reasons.emplace_back(change == Change::removed ? "it is bounded no longer"
                                                        : "the boundary is another");
  } else if (attachment.policy.ends_with("/AdministratorAccess")) {
    made.reasons.emplace_back("any action");
  }
  return made;
}

void compare_attachments(const Permissions& before, const Permissions& after,
                         std::vector<PermissionChange>& changes) {
  const std::set<Key> had = keys(before.attachments);
  const std::set<Key> has_now = keys(after.attachments);
  for (const Attachment& now : after.attachments) {
    if (!had.contains({now.principal, now.policy}))
      changes.push_back(change_of(now, PermissionKind::attached, Change::added, true));
  }
  for (const Attachment& then : before.attachments) {
    if (!has_now.contains({then.principal, then.policy}))
      changes.push_back(change_of(then, PermissionKind::attached, Change::removed, false));
  }
}

void compare_boundaries(const Permissions& before, const Permissions& after,
                        std::vector<PermissionChange>& changes) {
  const std::set<Key> had = keys(before.boundaries);
  const std::set<Key> has_now = keys(after.boundaries);
  const auto bounded = [](const std::vector<Attachment>& list, const std::string& who) {
    return std::any_of(list.begin(), list.end(),
                       [&](const Attachment& entry) { return entry.principal == who; });
  };
  for (const Attachment& now : after.boundaries) {
    // Another boundary in place of the old one may allow more; a first one never does.
    const bool broadens = bounded(before.boundaries, now.principal);
    if (!had.contains({now.principal, now.policy}))
      changes.push_back(change_of(now, PermissionKind::boundary, Change::added, broadens));
  }
  for (const Attachment& then : before.boundaries) {
    const bool broadens = !bounded(after.boundaries, then.principal) && after.ids.contains(then.id);
    if (!has_now.contains({then.principal, then.policy}))
      changes.push_back(change_of(then, PermissionKind::boundary, Change::removed, broadens));
  }
}

std::set<std::string> rule_texts(const std::vector<NetworkRule>& rules) {
  std::set<std::string> texts;
  for (const NetworkRule& rule : rules)
    texts.insert(rule.text);
  return texts;
}

void compare_rules(const Permissions& before, const Permissions& after,
                   std::vector<PermissionChange>& changes) {
  std::set<std::string> had = rule_texts(before.rules);
  std::set<std::string> has_now = rule_texts(after.rules);
  const auto add = [&](const NetworkRule& rule, Change change) {
    PermissionChange made;
    made.kind = PermissionKind::network;
    made.change = change;
    made.broadens = change == Change::added;
    made.id = rule.id;
    made.text = rule.text;
    if (made.broadens && rule.open) made.reasons.emplace_back("every address");
    if (made.broadens && rule.all_ports) made.reasons.emplace_back("every port");
    changes.push_back(std::move(made));
  };
  for (const NetworkRule& now : after.rules) {
    if (had.insert(now.text).second) add(now, Change::added);
  }
  for (const NetworkRule& then : before.rules) {
    if (has_now.insert(then.text).second) add(then, Change::removed);
  }
}

}  // namespace

std::vector<PermissionChange> compare_permissions(const doc::Value& before,
                                                  const doc::Value& after) {
  const Permissions then = permissions_of(before);
  const Permissions now = permissions_of(after);
  std::vector<PermissionChange> changes;
  compare_statements(then, now, changes);
  compare_attachments(then, now, changes);
  compare_boundaries(then, now, changes);
  compare_rules(then, now, changes);
  std::stable_sort(
      changes.begin(), changes.end(),
      [](const PermissionChange& a, const PermissionChange& b) { return a.broadens > b.broadens; });
  return changes;
}

}  // namespace aphex::changes
