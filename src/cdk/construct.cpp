#include "aphex/construct.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "aphex/tags.hpp"
#include "base/text.hpp"
#include "cdk/names.hpp"

namespace aphex {

struct Node::Tree {
  std::vector<Problem> problems;
};

namespace {

std::string child_path(const std::string& scope, const std::string& id) {
  // An id with '/' is a problem; its path is still one that no other construct has.
  const std::string component = id.find('/') == std::string::npos ? id : replace_all(id, "/", "--");
  return scope.empty() ? component : scope + "/" + component;
}

}  // namespace

Node::Node(Construct& owner, Construct* scope, std::string id)
    : owner_(&owner), scope_(scope), id_(std::move(id)) {
  if (scope == nullptr) {
    tree_ = std::make_shared<Tree>();
    return;
  }
  const Node& above = scope->node();
  tree_ = above.tree_;
  stack_ = above.stack_;
  stage_ = above.stage_;
  path_ = child_path(above.path_, id_);
}

Node::~Node() {
  if (handle_ != nullptr) *handle_ = nullptr;
}

void Node::attach(Construct& child) {
  const Node& node = child.node_;
  if (node.id_.empty()) {
    add_problem("a construct with an empty id was added");
  } else if (node.id_.find('/') != std::string::npos) {
    add_problem(fmt::format("the id '{}' holds a '/', which separates ids in a path", node.id_));
  } else if (by_id_.contains(node.id_)) {
    add_problem(fmt::format("there are two constructs with the id '{}'", node.id_),
                "ids are unique among the children of a construct");
  }
  if (locked()) {
    add_problem(fmt::format("'{}' was added after this part of the tree was locked", node.id_));
  }
  children_.push_back(&child);
  by_id_.try_emplace(node.id_, &child);
}

void Node::detach(const Construct& child) {
  // Constructs go in the reverse order of their making: the last one is looked at first.
  const auto last = std::find(children_.rbegin(), children_.rend(), &child);
  if (last != children_.rend()) children_.erase(std::next(last).base());
  const auto known = by_id_.find(child.node_.id_);
  if (known != by_id_.end() && known->second == &child) by_id_.erase(known);
}

void Node::adopt(std::unique_ptr<Construct> child) {
  owned_.push_back(std::move(child));
}

// What outlives its scope belongs to no tree any more.
void Node::orphan() {
  scope_ = nullptr;
  stack_ = nullptr;
  stage_ = nullptr;
  for (Construct* child : children_) {
    Node& below = child->node_;
    below.orphan();
    below.scope_ = owner_;
  }
}

std::string Node::address() const {
  cdk::PathComponents components;
  for (const Construct* construct : scopes())
    components.push_back(construct->node().id_);
  return cdk::address_of(components);
}

Construct& Node::root() const {
  Construct* at = owner_;
  while (at->node().scope_ != nullptr)
    at = at->node().scope_;
  return *at;
}

std::vector<const Construct*> Node::scopes() const {
  std::vector<const Construct*> scopes;
  for (const Construct* at = owner_; at != nullptr; at = at->node().scope_)
    scopes.push_back(at);
  std::reverse(scopes.begin(), scopes.end());
  return scopes;
}

Construct* Node::find_child(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void Node::add_dependency(const Construct& other) {
  const Node& node = other.node_;
  if (node.handle_ == nullptr) node.handle_ = std::make_shared<const Construct*>(&other);
  dependencies_.push_back(node.handle_);
}

std::vector<const Construct*> Node::dependencies() const {
  std::vector<const Construct*> existing;
  existing.reserve(dependencies_.size());
  for (const auto& handle : dependencies_) {
    if (*handle != nullptr) existing.push_back(*handle);
  }
  return existing;
}

void Node::add_metadata(std::string type, Value data) {
  metadata_.push_back({.type = std::move(type), .data = std::move(data)});
}

void Node::add_validation(Validation validation) {
  validations_.push_back(std::move(validation));
}

void Node::add_problem(std::string message, std::string hint) {
  tree_->problems.push_back(
      {.path = path_, .message = std::move(message), .hint = std::move(hint)});
}

const std::vector<Problem>& Node::problems_of_tree() const {
  return tree_->problems;
}

bool Node::locked() const {
  for (const Node* at = this;; at = &at->scope_->node_) {
    if (at->locked_) return true;
    if (at->scope_ == nullptr) return false;
  }
}

void Node::set_context(std::string key, Value value) {
  if (!children_.empty()) {
    add_problem(fmt::format("the context '{}' was set when there were children already", key),
                "set context before the first child is made");
  }
  for (Member& member : context_) {
    if (member.first != key) continue;
    member.second = std::move(value);
    return;
  }
  context_.emplace_back(std::move(key), std::move(value));
}

std::optional<Value> Node::context(std::string_view key) const {
  for (const Node* at = this;; at = &at->scope_->node_) {
    for (const Member& member : at->context_) {
      if (member.first == key) return member.second;
    }
    if (at->scope_ == nullptr) return std::nullopt;
  }
}

void Node::add_tag_rule(TagRule rule) {
  tag_rules_.push_back(std::move(rule));
}

Construct::Construct() : node_(*this, nullptr, {}) {}

Construct::Construct(Construct& scope, std::string id) : node_(*this, &scope, std::move(id)) {
  scope.node_.attach(*this);
}

Construct::~Construct() {
  // Children know this construct until they are gone, the last one first.
  while (!node_.owned_.empty())
    node_.owned_.pop_back();
  for (Construct* child : node_.children_)
    child->node_.orphan();
  if (node_.scope_ != nullptr) node_.scope_->node_.detach(*this);
}

}  // namespace aphex
