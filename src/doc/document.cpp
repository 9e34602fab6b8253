#include "doc/document.hpp"

#include "doc/yaml_scalars.hpp"

namespace aphex::doc {

std::string_view to_string(NodeKind kind) {
  switch (kind) {
    case NodeKind::null:
      return "nothing";
    case NodeKind::boolean:
      return "a boolean";
    case NodeKind::integer:
      return "an integer";
    case NodeKind::real:
      return "a number";
    case NodeKind::string:
      return "a string";
    case NodeKind::sequence:
      return "a list";
    case NodeKind::mapping:
      return "a mapping";
  }
  return "nothing";
}

const NodeMember* Node::find(std::string_view key) const {
  for (const NodeMember& member : members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

Value to_value(const Node& node) {
  if (node.kind == NodeKind::sequence) {
    Value::Array items;
    items.reserve(node.items.size());
    for (const Node& item : node.items)
      items.push_back(to_value(item));
    return items;
  }
  if (node.kind == NodeKind::mapping) {
    Value::Object members;
    members.reserve(node.members.size());
    for (const NodeMember& member : node.members) {
      members.emplace_back(member.key, to_value(member.value));
    }
    return members;
  }
  return scalar_value(node.kind, node.text);
}

}  // namespace aphex::doc
