#pragma once
// What a deployment would change, as people are asked to approve it. Pure values.
//
// changes/<environment>.json, version 1:
//
// {"version": 1, "environment", "account", "region", "commit",
//  "stacks": [{"name", "physicalName", "state": "new" | "changed" | "unchanged" | "unknown",
//              "before", "after": SHA-256 of the templates ("before" is empty for a new stack),
//              "entries": [{"section", "id", "type", "path", "change", "replacement",
//                           "retained", "values": [{"path", "before"?, "after"?, "replacement"}]}],
//              "permissions": [{"change", "broadens", "kind", "id", "text", "reasons": […],
//                               "effect", "principals", "actions", "resources", "condition"}],
//              "warnings": […]}]}
//
// "change" is added, removed or modified; "replacement" is never, may or will. The digest of the
// whole says what was approved.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "doc/value.hpp"

namespace aphex::changes {

inline constexpr std::int64_t kChangeSetVersion = 1;

enum class Change { added, removed, modified };
enum class Replacement { never, may, will };

// One place below an entry of a template. Values as text (value_text.hpp), cut where they are long.
struct ValueChange {
  std::string path;  // "Properties/Environment/Variables/STAGE"
  std::optional<std::string> before;
  std::optional<std::string> after;
  Replacement replacement = Replacement::never;
};

// A resource, parameter, output, … of a template.
struct EntryChange {
  std::string section;  // "Resources", "Outputs", …
  std::string id;       // logical id; empty where the section is no mapping
  std::string type;     // of a resource
  std::string path;     // in the construct tree, where the CDK wrote it down
  Change change = Change::modified;
  Replacement replacement = Replacement::never;
  bool retained = false;  // removed from the stack, but not deleted
  std::vector<ValueChange> values;
};

enum class PermissionKind {
  statement,  // of a policy of any kind, or what amounts to one
  attached,   // a managed policy given to a role, user or group
  boundary,   // a permissions boundary
  network,    // a rule of a security group
};

struct PermissionChange {
  Change change = Change::added;
  bool broadens = false;  // somebody may do more than before
  PermissionKind kind = PermissionKind::statement;
  std::string id;                    // of the resource that says it
  std::string text;                  // "allows ${Role} s3:GetObject on ${Bucket.Arn}/*"
  std::vector<std::string> reasons;  // "any action", "any principal", …: what to look at twice
  // Of a statement; those of NotAction and so on begin with '!'.
  std::string effect;
  std::vector<std::string> principals;
  std::vector<std::string> actions;
  std::vector<std::string> resources;
  std::string condition;
};

enum class StackState {
  created,    // written "new": there is no such stack yet
  changed,    //
  unchanged,  //
  unknown,    // the deployed template cannot be read: everything may change
};

struct StackChanges {
  std::string name;  // as configured
  std::string physical_name;
  StackState state = StackState::unchanged;
  std::string before;  // digest of the deployed template; empty: there is none
  std::string after;   // digest of the commit's template
  std::vector<EntryChange> entries;
  std::vector<PermissionChange> permissions;
  std::vector<std::string> warnings;  // what could not be compared
};

struct ChangeSet {
  std::string environment;
  std::string account;
  std::string region;
  std::string commit;
  std::vector<StackChanges> stacks;  // in the order of their deployment
};

std::string_view to_string(Change change);
std::string_view to_string(Replacement replacement);
std::string_view to_string(StackState state);
std::string_view to_string(PermissionKind kind);

doc::Value to_value(const ChangeSet& changes);
// corrupt where it is none; unsupported where it is newer.
Result<ChangeSet> from_value(const doc::Value& value);
Result<ChangeSet> from_json(std::string_view text);

// SHA-256 over the JSON form. What was approved is what has this digest.
std::string digest(const ChangeSet& changes);
// Of a template: SHA-256 over its JSON with the members of objects sorted.
std::string template_digest(const doc::Value& body);

bool broadens(const ChangeSet& changes);
bool changes_anything(const ChangeSet& changes);
// "1 stack is new, 2 change (1 resource is replaced); grants more than before".
std::string summary(const ChangeSet& changes);

}  // namespace aphex::changes
