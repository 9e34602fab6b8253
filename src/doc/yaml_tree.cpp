#include "doc/yaml_tree.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "doc/yaml_messages.hpp"
#include "doc/yaml_scalars.hpp"

namespace aphex::doc {
namespace {

// Stand-ins for keys that take_root() replaces. No text can hold their first byte: it is not
// UTF-8.
constexpr std::string_view kMergeKey = "\xff<<";
constexpr std::string_view kNoKey = "\xff?";

// A suggestion compares with every anchor: not where there are very many.
constexpr std::size_t kMaxSuggestedAnchors = 100;

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

std::string_view shown(std::string_view key) {
  return key == kMergeKey ? "<<" : key;
}

// As people write it: !!str for tag:yaml.org,2002:str.
std::string short_tag(std::string_view tag) {
  if (tag.starts_with(kCoreTag)) return "!!" + std::string(tag.substr(kCoreTag.size()));
  return std::string(tag);
}

std::optional<NodeKind> core_tag(std::string_view tag) {
  if (!tag.starts_with(kCoreTag)) return std::nullopt;
  const std::string_view name = tag.substr(kCoreTag.size());
  if (name == "null") return NodeKind::null;
  if (name == "bool") return NodeKind::boolean;
  if (name == "int") return NodeKind::integer;
  if (name == "float") return NodeKind::real;
  if (name == "str") return NodeKind::string;
  if (name == "seq") return NodeKind::sequence;
  if (name == "map") return NodeKind::mapping;
  return std::nullopt;
}

std::size_t children(const Node& node) {
  return node.kind == NodeKind::mapping ? node.members.size() : node.items.size();
}

const Node* child(const Node& node, std::size_t index) {
  if (index >= children(node)) return nullptr;
  return node.kind == NodeKind::mapping ? &node.members[index].value : &node.items[index];
}

void close_span(Node& node, Span end) {
  const bool empty = children(node) == 0;
  const bool flow = end.end != end.begin;  // a bracket; a block ends without a character
  if (flow || empty) {
    node.span.end = end.end;
    return;
  }
  node.span.end = child(node, children(node) - 1)->span.end;
}

// Merge keys.

void merge_mapping(Node& into, Node from) {
  for (NodeMember& member : from.members) {
    if (into.find(member.key) == nullptr) into.members.push_back(std::move(member));
  }
}

void merge_into(Node& node, Node source, std::vector<Diagnostic>& diagnostics) {
  if (source.broken) return;
  if (source.kind == NodeKind::mapping) return merge_mapping(node, std::move(source));
  if (source.kind != NodeKind::sequence) {
    diagnostics.push_back(messages::merge_value(source.span, source.kind));
    return;
  }
  for (Node& item : source.items) {
    if (item.broken) continue;
    if (item.kind == NodeKind::mapping) {
      merge_mapping(node, std::move(item));
    } else {
      diagnostics.push_back(messages::merge_value(item.span, item.kind));
    }
  }
}

// Replaces merge keys and drops members without a usable key, innermost first.
void tidy(Node& node, std::vector<Diagnostic>& diagnostics) {
  for (Node& item : node.items)
    tidy(item, diagnostics);
  std::vector<Node> merged;
  for (NodeMember& member : node.members) {
    tidy(member.value, diagnostics);
    if (member.key == kMergeKey) merged.push_back(std::move(member.value));
  }
  std::erase_if(node.members, [](const NodeMember& member) {
    return member.key == kMergeKey || member.key == kNoKey;
  });
  for (Node& source : merged)
    merge_into(node, std::move(source), diagnostics);
}

}  // namespace

bool TreeBuilder::report(Diagnostic diagnostic) {
  diagnostics_.push_back(std::move(diagnostic));
  return false;
}

bool TreeBuilder::at_key() const {
  if (depth_ == 0) return false;
  const Frame& frame = top();
  return frame.node.kind == NodeKind::mapping && !frame.awaits_value;
}

bool TreeBuilder::count(Span span) {
  if (++nodes_ <= limits_.max_nodes) return true;
  return report(messages::too_many_values(span, limits_.max_nodes));
}

bool TreeBuilder::scalar(const ScalarEvent& event) {
  if (!count(event.span)) return false;
  if (depth_ >= limits_.max_depth) {
    return report(messages::too_deep(event.span, limits_.max_depth));
  }
  Node node;
  node.text = event.text;
  node.span = event.span;
  node.kind = event.style == ScalarStyle::plain ? resolve_plain(event.text) : NodeKind::string;
  if (!event.tag.empty()) apply_tag(node, event);
  if (!event.anchor.empty()) {
    anchors_.insert_or_assign(std::string(event.anchor), Anchor{{}, node});
  }
  if (at_key()) {
    add_key(std::move(node), event.style);
    return true;
  }
  place(std::move(node));
  return true;
}

void TreeBuilder::apply_tag(Node& node, const ScalarEvent& event) {
  if (event.tag == "!") {
    node.kind = NodeKind::string;
    return;
  }
  const auto wanted = core_tag(event.tag);
  if (!wanted) {
    report(messages::unsupported_tag(event.span, short_tag(event.tag)));
    node.broken = true;
    return;
  }
  const NodeKind found = resolve_plain(event.text);
  const bool widened = *wanted == NodeKind::real && found == NodeKind::integer;
  node.kind = *wanted;
  if (*wanted == NodeKind::string || found == *wanted || widened) return;
  report(messages::wrong_tag(event.span, short_tag(event.tag), event.text));
  node.kind = NodeKind::string;
  node.broken = true;
}

void TreeBuilder::check_container_tag(const StartEvent& event) {
  if (event.tag.empty() || event.tag == "!") return;
  if (core_tag(event.tag) == event.kind) return;
  report(messages::unsupported_tag(event.span, short_tag(event.tag)));
}

bool TreeBuilder::start(const StartEvent& event) {
  if (!count(event.span)) return false;
  if (depth_ + 1 >= limits_.max_depth) {
    return report(messages::too_deep(event.span, limits_.max_depth));
  }
  check_container_tag(event);
  const Role role = at_key() ? Role::key : Role::value;
  if (role == Role::key) {
    report(messages::key_type(event.span, event.kind, {}));
    ++open_keys_;
  }
  if (!event.anchor.empty()) {
    // Within a key nothing is kept: an alias to it finds an empty value, which is reported already.
    Anchor anchor;
    if (open_keys_ > 0) {
      anchor.scalar.emplace().broken = true;
    } else {
      anchor.path = path_here();
    }
    anchors_.insert_or_assign(std::string(event.anchor), std::move(anchor));
  }
  open(event, role);
  return true;
}

void TreeBuilder::open(const StartEvent& event, Role role) {
  if (depth_ == frames_.size()) frames_.emplace_back();
  ++depth_;
  Frame& frame = top();
  frame.node.kind = event.kind;
  frame.node.span = event.span;
  frame.role = role;
  frame.awaits_value = false;
}

// Takes the children into vectors of exactly their number; the frame keeps its own for reuse.
Node TreeBuilder::close(Span end) {
  Frame& frame = top();
  close_span(frame.node, end);
  Node node;
  node.kind = frame.node.kind;
  node.span = frame.node.span;
  node.items.reserve(frame.node.items.size());
  std::move(frame.node.items.begin(), frame.node.items.end(), std::back_inserter(node.items));
  node.members.reserve(frame.node.members.size());
  std::move(frame.node.members.begin(), frame.node.members.end(), std::back_inserter(node.members));
  frame.node.items.clear();
  frame.node.members.clear();
  --depth_;
  return node;
}

bool TreeBuilder::end(Span span) {
  const Role role = top().role;
  Node node = close(span);
  if (node.kind == NodeKind::mapping) report_duplicates(node);
  if (role == Role::value) {
    place(std::move(node));
    return true;
  }
  --open_keys_;
  needs_tidying_ = true;
  top().node.members.push_back({std::string(kNoKey), node.span, {}});
  top().awaits_value = true;
  return true;
}

void TreeBuilder::add_key(Node node, ScalarStyle style) {
  Frame& frame = top();
  frame.awaits_value = true;
  if (style == ScalarStyle::plain && node.text == "<<") {
    needs_tidying_ = true;
    node.text = kMergeKey;
  } else if (node.kind != NodeKind::string && !node.broken) {
    report(messages::key_type(node.span, node.kind, node.text));
    needs_tidying_ = true;
    node.text = kNoKey;
  }
  frame.node.members.push_back({std::move(node.text), node.span, {}});
}

void TreeBuilder::place(Node node) {
  if (depth_ == 0) {
    root_ = std::move(node);
    return;
  }
  Frame& frame = top();
  if (frame.node.kind == NodeKind::mapping) {
    frame.node.members.back().value = std::move(node);
    frame.awaits_value = false;
  } else {
    frame.node.items.push_back(std::move(node));
  }
}

void TreeBuilder::report_duplicates(const Node& mapping) {
  const std::vector<NodeMember>& members = mapping.members;
  const auto same = [&](std::size_t i, std::size_t j) {
    return members[i].key == members[j].key && members[i].key != kNoKey;
  };
  const auto say = [&](std::size_t second, std::size_t first) {
    report(messages::duplicate_key(members[second].key_span, shown(members[second].key),
                                   members[first].key_span.begin));
  };
  constexpr std::size_t kSmall = 16;  // below it, comparing all pairs is cheaper than sorting
  if (members.size() <= kSmall) {
    for (std::size_t i = 1; i < members.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!same(i, j)) continue;
        say(i, j);
        break;
      }
    }
    return;
  }
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return members[i].key < members[j].key; });
  std::size_t first = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (same(order[i], order[first])) {
      say(order[i], order[first]);
    } else {
      first = i;
    }
  }
}

// Aliases.

std::vector<std::size_t> TreeBuilder::path_here() const {
  std::vector<std::size_t> path;
  path.reserve(depth_);
  for (std::size_t i = 0; i < depth_; ++i) {
    const Node& node = frames_[i].node;
    path.push_back(node.kind == NodeKind::mapping ? node.members.size() - 1 : node.items.size());
  }
  return path;
}

const Node* TreeBuilder::finished(const std::vector<std::size_t>& path) const {
  const std::vector<std::size_t> here = path_here();
  std::size_t depth = 0;  // of the innermost open container that holds the anchored node
  while (depth + 1 < depth_ && depth < path.size() && path[depth] == here[depth])
    ++depth;
  if (depth == path.size()) return nullptr;
  const Node* node = &frames_[depth].node;
  for (; depth < path.size() && node != nullptr; ++depth)
    node = child(*node, path[depth]);
  return node;
}

bool TreeBuilder::copy_text(const std::string& from, std::string& to) {
  alias_bytes_ += from.size();
  if (alias_bytes_ > limits_.max_alias_bytes) {
    return report(messages::aliases_too_large(alias_span_, limits_.max_alias_bytes));
  }
  to = from;
  return true;
}

bool TreeBuilder::copy(const Node& from, Node& to, std::size_t depth) {
  if (!count(alias_span_)) return false;
  if (depth >= limits_.max_depth) {
    return report(messages::too_deep(alias_span_, limits_.max_depth));
  }
  to.kind = from.kind;
  to.broken = from.broken;
  to.span = from.span;
  if (!copy_text(from.text, to.text)) return false;
  to.items.resize(from.items.size());
  for (std::size_t i = 0; i < from.items.size(); ++i) {
    if (!copy(from.items[i], to.items[i], depth + 1)) return false;
  }
  to.members.resize(from.members.size());
  for (std::size_t i = 0; i < from.members.size(); ++i) {
    to.members[i].key_span = from.members[i].key_span;
    if (!copy_text(from.members[i].key, to.members[i].key)) return false;
    if (!copy(from.members[i].value, to.members[i].value, depth + 1)) return false;
  }
  return true;
}

bool TreeBuilder::alias(std::string_view name, Span span) {
  alias_span_ = span;
  Node node;
  const auto found = anchors_.find(name);
  if (found == anchors_.end()) {
    std::vector<std::string> known;
    if (anchors_.size() <= kMaxSuggestedAnchors) {
      for (const auto& [anchor, place] : anchors_) {
        known.push_back(anchor);
      }
    }
    report(messages::undefined_alias(span, name, known));
    node.broken = true;
  } else {
    const Anchor& anchor = found->second;
    const Node* target = anchor.scalar ? &*anchor.scalar : finished(anchor.path);
    if (target == nullptr) {
      report(messages::recursive_alias(span, name));
      node.broken = true;
    } else if (!copy(*target, node, depth_)) {
      return false;
    }
  }
  node.span = span;
  if (!at_key()) {
    place(std::move(node));
    return true;
  }
  if (node.kind == NodeKind::sequence || node.kind == NodeKind::mapping || node.broken) {
    if (!node.broken) report(messages::key_type(span, node.kind, {}));
    node = Node{};
    node.broken = true;
    node.text = kNoKey;
    node.span = span;
    needs_tidying_ = true;
  }
  add_key(std::move(node), ScalarStyle::quoted);
  return true;
}

Node TreeBuilder::take_root() {
  Node root = root_ ? std::move(*root_) : Node{};
  if (needs_tidying_) tidy(root, diagnostics_);
  return root;
}

}  // namespace aphex::doc
