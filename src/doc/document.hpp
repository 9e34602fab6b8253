#pragma once
// A YAML text as a tree that remembers where everything stood.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.hpp"
#include "doc/value.hpp"

namespace aphex::doc {

enum class NodeKind { null, boolean, integer, real, string, sequence, mapping };

std::string_view to_string(NodeKind kind);  // "a string", "a list", … as messages say it

struct NodeMember;

// Aliases are already replaced by what they name; tags other than the core schema's are refused.
struct Node {
  NodeKind kind = NodeKind::null;
  bool broken = false;  // already reported (an undefined alias, …): nobody should complain again
  std::string text;     // of a scalar, as written (quotes and escapes resolved)
  Span span;
  std::vector<Node> items;          // of a sequence
  std::vector<NodeMember> members;  // of a mapping, in order; duplicate keys are already reported

  const NodeMember* find(std::string_view key) const;
};

struct NodeMember {
  std::string key;
  Span key_span;
  Node value;
};

struct YamlLimits {
  std::size_t max_bytes = 16U << 20U;
  std::size_t max_depth = 64;
  // After aliases are replaced: bounds a "billion laughs". A file of 1000 environments with 50
  // stacks each has a third of it; a node takes about 100 bytes.
  std::size_t max_nodes = 1U << 20U;
  // Of text that aliases repeat.
  std::size_t max_alias_bytes = 16U << 20U;
};

struct YamlResult {
  std::optional<Node> root;  // nothing where the text could not be read at all
  std::vector<Diagnostic> diagnostics;
};

// Reads exactly one document of YAML 1.1's core as libyaml understands it, with YAML 1.2 core
// schema scalars (yes/no/on/off are strings). Never fails silently: every oddity is a diagnostic.
// Merge keys (`<<: *base`, `<<: [*a, *b]`) are replaced by what they name: a key of the mapping
// itself stands before a merged one, an earlier merged mapping before a later one.
YamlResult parse_yaml(const Source& source, const YamlLimits& limits = {});

// The tree as JSON values, spans dropped.
Value to_value(const Node& node);

}  // namespace aphex::doc
