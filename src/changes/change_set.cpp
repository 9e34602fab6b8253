#include "changes/change_set.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"

namespace aphex::changes {
namespace {

using doc::Value;

template <typename Enum, std::size_t Count>
using Names = std::array<std::pair<Enum, std::string_view>, Count>;

constexpr Names<Change, 3> kChanges{
    {{Change::added, "added"}, {Change::removed, "removed"}, {Change::modified, "modified"}}};
constexpr Names<Replacement, 3> kReplacements{
    {{Replacement::never, "never"}, {Replacement::may, "may"}, {Replacement::will, "will"}}};
constexpr Names<StackState, 4> kStates{{{StackState::created, "new"},
                                        {StackState::changed, "changed"},
                                        {StackState::unchanged, "unchanged"},
                                        {StackState::unknown, "unknown"}}};
constexpr Names<PermissionKind, 4> kKinds{{{PermissionKind::statement, "statement"},
                                           {PermissionKind::attached, "attached"},
                                           {PermissionKind::boundary, "boundary"},
                                           {PermissionKind::network, "network"}}};

template <typename Enum, std::size_t Count>
std::string_view name_in(const Names<Enum, Count>& names, Enum wanted) {
  for (const auto& [value, name] : names) {
    if (value == wanted) return name;
  }
  return names.front().second;
}

tl::unexpected<Error> malformed(std::string what) {
  return fail(ErrorCode::corrupt, "the record of changes is malformed: " + std::move(what),
              "it was written by another program or damaged; start a new run");
}

template <typename Enum, std::size_t Count>
Result<Enum> read_name(const Names<Enum, Count>& names, const Value& value, std::string_view key) {
  const std::string text = value.string_or(key, "");
  for (const auto& [known, name] : names) {
    if (name == text) return known;
  }
  return malformed(fmt::format("'{}' is '{}'", key, text));
}

Value write(const ValueChange& change) {
  Value value = Value::object({{"path", change.path}});
  if (change.before) value.set("before", *change.before);
  if (change.after) value.set("after", *change.after);
  value.set("replacement", to_string(change.replacement));
  return value;
}

Value write(const EntryChange& entry) {
  Value values = Value::array();
  for (const ValueChange& change : entry.values)
    values.push_back(write(change));
  return Value::object({{"section", entry.section},
                        {"id", entry.id},
                        {"type", entry.type},
                        {"path", entry.path},
                        {"change", to_string(entry.change)},
                        {"replacement", to_string(entry.replacement)},
                        {"retained", entry.retained},
                        {"values", std::move(values)}});
}

Value write(const PermissionChange& change) {
  return Value::object({{"change", to_string(change.change)},
                        {"broadens", change.broadens},
                        {"kind", to_string(change.kind)},
                        {"id", change.id},
                        {"text", change.text},
                        {"reasons", Value::strings(change.reasons)},
                        {"effect", change.effect},
                        {"principals", Value::strings(change.principals)},
                        {"actions", Value::strings(change.actions)},
                        {"resources", Value::strings(change.resources)},
                        {"condition", change.condition}});
}

Value write(const StackChanges& stack) {
  Value entries = Value::array();
  for (const EntryChange& entry : stack.entries)
    entries.push_back(write(entry));
  Value permissions = Value::array();
  for (const PermissionChange& change : stack.permissions)
    permissions.push_back(write(change));
  return Value::object({{"name", stack.name},
                        {"physicalName", stack.physical_name},
                        {"state", to_string(stack.state)},
                        {"before", stack.before},
                        {"after", stack.after},
                        {"entries", std::move(entries)},
                        {"permissions", std::move(permissions)},
                        {"warnings", Value::strings(stack.warnings)}});
}

// The list at `key`, each item read by `read`.
template <typename Item>
Result<std::vector<Item>> read_list(const Value& value, std::string_view key,
                                    Result<Item> (*read)(const Value&)) {
  const Value* list = value.find(key);
  if (list == nullptr || !list->is_array()) {
    return malformed(fmt::format("'{}' is missing or no list", key));
  }
  std::vector<Item> items;
  for (const Value& entry : *list->as_array()) {
    APHEX_TRY(Item item, read(entry));
    items.push_back(std::move(item));
  }
  return items;
}

Result<std::string> read_text(const Value& value) {
  if (const std::string* text = value.as_string()) return *text;
  return malformed("a list of texts holds something else");
}

bool read_flag(const Value& value, std::string_view key) {
  const Value* flag = value.find(key);
  return flag != nullptr && flag->as_bool() != nullptr && *flag->as_bool();
}

std::optional<std::string> read_optional(const Value& value, std::string_view key) {
  const Value* text = value.find(key);
  if (text == nullptr || !text->is_string()) return std::nullopt;
  return *text->as_string();
}

Result<ValueChange> read_value_change(const Value& value) {
  ValueChange change;
  change.path = value.string_or("path", "");
  change.before = read_optional(value, "before");
  change.after = read_optional(value, "after");
  APHEX_TRY(change.replacement, read_name(kReplacements, value, "replacement"));
  return change;
}

Result<EntryChange> read_entry(const Value& value) {
  EntryChange entry;
  entry.section = value.string_or("section", "");
  entry.id = value.string_or("id", "");
  entry.type = value.string_or("type", "");
  entry.path = value.string_or("path", "");
  APHEX_TRY(entry.change, read_name(kChanges, value, "change"));
  APHEX_TRY(entry.replacement, read_name(kReplacements, value, "replacement"));
  entry.retained = read_flag(value, "retained");
  APHEX_TRY(entry.values, read_list<ValueChange>(value, "values", read_value_change));
  return entry;
}

Result<PermissionChange> read_permission(const Value& value) {
  PermissionChange change;
  APHEX_TRY(change.change, read_name(kChanges, value, "change"));
  change.broadens = read_flag(value, "broadens");
  APHEX_TRY(change.kind, read_name(kKinds, value, "kind"));
  change.id = value.string_or("id", "");
  change.text = value.string_or("text", "");
  APHEX_TRY(change.reasons, read_list<std::string>(value, "reasons", read_text));
  change.effect = value.string_or("effect", "");
  APHEX_TRY(change.principals, read_list<std::string>(value, "principals", read_text));
  APHEX_TRY(change.actions, read_list<std::string>(value, "actions", read_text));
  APHEX_TRY(change.resources, read_list<std::string>(value, "resources", read_text));
  change.condition = value.string_or("condition", "");
  return change;
}

Result<StackChanges> read_stack(const Value& value) {
  StackChanges stack;
  stack.name = value.string_or("name", "");
  stack.physical_name = value.string_or("physicalName", "");
  APHEX_TRY(stack.state, read_name(kStates, value, "state"));
  stack.before = value.string_or("before", "");
  stack.after = value.string_or("after", "");
  APHEX_TRY(stack.entries, read_list<EntryChange>(value, "entries", read_entry));
  APHEX_TRY(stack.permissions, read_list<PermissionChange>(value, "permissions", read_permission));
  APHEX_TRY(stack.warnings, read_list<std::string>(value, "warnings", read_text));
  return stack;
}

Value sorted(const Value& value) {
  if (const Value::Array* items = value.as_array()) {
    Value list = Value::array();
    for (const Value& item : *items)
      list.push_back(sorted(item));
    return list;
  }
  const Value::Object* members = value.as_object();
  if (members == nullptr) return value;
  Value::Object ordered;
  ordered.reserve(members->size());
  for (const auto& [key, member] : *members)
    ordered.emplace_back(key, sorted(member));
  std::sort(ordered.begin(), ordered.end(),
            [](const Member& a, const Member& b) { return a.first < b.first; });
  return ordered;
}

std::size_t count_state(const ChangeSet& changes, StackState state) {
  return static_cast<std::size_t>(
      std::count_if(changes.stacks.begin(), changes.stacks.end(),
                    [&](const StackChanges& stack) { return stack.state == state; }));
}

std::size_t count_replaced(const ChangeSet& changes) {
  std::size_t count = 0;
  for (const StackChanges& stack : changes.stacks) {
    for (const EntryChange& entry : stack.entries)
      count += entry.replacement == Replacement::never ? 0 : 1;
  }
  return count;
}

}  // namespace

std::string_view to_string(Change change) {
  return name_in(kChanges, change);
}
std::string_view to_string(Replacement replacement) {
  return name_in(kReplacements, replacement);
}
std::string_view to_string(StackState state) {
  return name_in(kStates, state);
}
std::string_view to_string(PermissionKind kind) {
  return name_in(kKinds, kind);
}

Value to_value(const ChangeSet& changes) {
  Value stacks = Value::array();
  for (const StackChanges& stack : changes.stacks)
    stacks.push_back(write(stack));
  return Value::object({{"version", kChangeSetVersion},
                        {"environment", changes.environment},
                        {"account", changes.account},
                        {"region", changes.region},
                        {"commit", changes.commit},
                        {"stacks", std::move(stacks)}});
}

Result<ChangeSet> from_value(const Value& value) {
  const Value* version = value.find("version");
  if (version == nullptr || version->as_int() == nullptr) return malformed("it has no version");
  if (*version->as_int() != kChangeSetVersion) {
    return fail(ErrorCode::unsupported,
                fmt::format("the record of changes has version {}, this aphex reads version {}",
                            *version->as_int(), kChangeSetVersion),
                "use the aphex that wrote it, or a newer one");
  }
  ChangeSet changes;
  changes.environment = value.string_or("environment", "");
  changes.account = value.string_or("account", "");
  changes.region = value.string_or("region", "");
  changes.commit = value.string_or("commit", "");
  APHEX_TRY(changes.stacks, read_list<StackChanges>(value, "stacks", read_stack));
  return changes;
}

Result<ChangeSet> from_json(std::string_view text) {
  APHEX_TRY(const Value value, doc::parse_json(text));
  return from_value(value);
}

std::string digest(const ChangeSet& changes) {
  return sha256_hex(doc::to_json(to_value(changes)));
}

std::string template_digest(const Value& body) {
  return sha256_hex(doc::to_json(sorted(body)));
}

bool broadens(const ChangeSet& changes) {
  return std::any_of(changes.stacks.begin(), changes.stacks.end(), [](const StackChanges& stack) {
    return std::any_of(stack.permissions.begin(), stack.permissions.end(),
                       [](const PermissionChange& change) { return change.broadens; });
  });
}

bool changes_anything(const ChangeSet& changes) {
  return count_state(changes, StackState::unchanged) < changes.stacks.size();
}

std::string summary(const ChangeSet& changes) {
  const auto stacks = [](std::size_t count, std::string_view one, std::string_view many) {
    return fmt::format("{} stack{} {}", count, count == 1 ? "" : "s", count == 1 ? one : many);
  };
  std::vector<std::string> parts;
  const std::size_t created = count_state(changes, StackState::created);
  const std::size_t changed = count_state(changes, StackState::changed);
  const std::size_t unknown = count_state(changes, StackState::unknown);
  if (created > 0) parts.push_back(stacks(created, "is new", "are new"));
  if (changed > 0) parts.push_back(stacks(changed, "changes", "change"));
  if (unknown > 0) parts.push_back(stacks(unknown, "cannot be compared", "cannot be compared"));
  if (parts.empty()) return "nothing changes";
  std::string text = join(parts, ", ");
  const std::size_t replaced = count_replaced(changes);
  if (replaced > 0) {
    text += fmt::format(", {} resource{} replaced", replaced, replaced == 1 ? " is" : "s are");
  }
  return text + (broadens(changes) ? "; grants more than before" : "");
}

}  // namespace aphex::changes
