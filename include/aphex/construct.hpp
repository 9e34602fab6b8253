#pragma once
// The tree that an application is made of. A construct has an identity (its id, unique among its
// siblings), children, and a Node with all that belongs to its place in the tree. This header knows
// nothing of CloudFormation.
//
// A construct lives as a child that its scope owns (make()), or as an automatic object or member,
// which leaves its scope when it is destroyed. Nothing here throws: what is wrong (an empty id, a
// name used twice) is remembered and reported at synthesis, together with everything else.
//
// A tree belongs to one thread at a time.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "aphex/value.hpp"

namespace aphex {

class Construct;
class Stack;
class Stage;
class Node;

// What is wrong with a tree, and where.
struct Problem {
  std::string path;     // of the construct, "ArchonStack/Bucket"; empty for the application itself
  std::string message;  // one sentence without a full stop
  std::string hint;     // what mends it; may be empty
  friend bool operator==(const Problem&, const Problem&) = default;
};

// Types that begin with "aws:cdk:" go into the assembly, where the cdk command line shows
// "aws:cdk:info", "aws:cdk:warning" and "aws:cdk:error". Types of your own stay in the program.
struct Metadata {
  std::string type;
  Value data;
};

// Messages about what is wrong with a construct; none where all is well. Called at synthesis.
using Validation = std::function<std::vector<std::string>()>;

// What sort of construct the synthesis meets.
enum class ConstructKind { plain, stage, stack, resource, output, parameter, condition, asset };

// A tag that a construct gives to (or takes from) everything below it; see aphex/tags.hpp.
struct TagRule;

class Node {
 public:
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const std::string& id() const { return id_; }
  // The ids from below the root, joined by '/': "ArchonStack/Bucket". Empty for the root.
  const std::string& path() const { return path_; }
  // Unique in the tree and the same in every run: "c8" and 40 hexadecimal digits, as the package
  // `constructs` (10.x) makes it.
  std::string address() const;

  // Null for the root, and where the scope was destroyed first.
  Construct* scope() const { return scope_; }
  Construct& root() const;
  // From the root down to this construct.
  std::vector<const Construct*> scopes() const;
  // In the order in which they were made.
  const std::vector<Construct*>& children() const { return children_; }
  // A child by its id; null where there is none.
  Construct* find_child(std::string_view id) const;

  // Everything in this construct needs everything in `other`: DependsOn between resources of one
  // stack, a dependency between stacks otherwise.
  void add_dependency(const Construct& other);
  // Those that still exist, in the order in which they were added.
  std::vector<const Construct*> dependencies() const;

  void add_metadata(std::string type, Value data);
  void add_info(std::string message) { add_metadata("aws:cdk:info", std::move(message)); }
  void add_warning(std::string message) { add_metadata("aws:cdk:warning", std::move(message)); }
  const std::vector<Metadata>& metadata() const { return metadata_; }

  void add_validation(Validation validation);
  const std::vector<Validation>& validations() const { return validations_; }
  // Something wrong that is known already. It makes synthesis fail.
  void add_problem(std::string message, std::string hint = {});
  // Of the whole tree, as far as they are known before synthesis.
  const std::vector<Problem>& problems_of_tree() const;

  // From now on a child that is added here or below is a problem.
  void lock() { locked_ = true; }
  // Here or above.
  bool locked() const;

  // A value that this construct and everything below it sees, unless a nearer one hides it. Set it
  // before there are children, so that all of them see the same.
  void set_context(std::string key, Value value);
  std::optional<Value> context(std::string_view key) const;

  // The stack and the stage (or application) that this construct is in; null outside.
  Stack* stack() const { return stack_; }
  Stage* stage() const { return stage_; }

  const std::vector<TagRule>& tag_rules() const { return tag_rules_; }
  void add_tag_rule(TagRule rule);

 private:
  friend class Construct;
  friend class Stack;
  friend class Stage;
  friend class App;
  struct Tree;  // what the whole tree shares: the problems that were met while it was built

  Node(Construct& owner, Construct* scope, std::string id);
  ~Node();
  void attach(Construct& child);
  void detach(const Construct& child);
  void adopt(std::unique_ptr<Construct> child);
  void orphan();

  Construct* owner_;
  Construct* scope_;
  std::string id_;
  std::string path_;
  std::shared_ptr<Tree> tree_;
  Stack* stack_ = nullptr;
  Stage* stage_ = nullptr;
  bool locked_ = false;
  std::vector<Construct*> children_;
  std::unordered_map<std::string_view, Construct*> by_id_;
  std::vector<std::unique_ptr<Construct>> owned_;
  // Empty until somebody depends on this construct; holds null when it is gone.
  mutable std::shared_ptr<const Construct*> handle_;
  std::vector<std::shared_ptr<const Construct*>> dependencies_;
  std::vector<Metadata> metadata_;
  std::vector<Validation> validations_;
  std::vector<Member> context_;
  std::vector<TagRule> tag_rules_;
};

class Construct {
 public:
  // `id` is not empty, holds no '/', and no sibling has it.
  Construct(Construct& scope, std::string id);
  virtual ~Construct();
  Construct(const Construct&) = delete;
  Construct& operator=(const Construct&) = delete;

  Node& node() { return node_; }
  const Node& node() const { return node_; }

  // A child that this construct owns: T(*this, id, arguments...).
  template <class T, class... Arguments>
  T& make(std::string id, Arguments&&... arguments) {
    auto child = std::make_unique<T>(*this, std::move(id), std::forward<Arguments>(arguments)...);
    T& made = *child;
    node_.adopt(std::move(child));
    return made;
  }

  // The name of the type in tree.json, such as "aphex.Stack". A construct of your own says its own:
  // "my-company.Warehouse".
  virtual std::string_view type_name() const { return "aphex.Construct"; }
  // The version of the library that `type_name()` is from; empty is the version of aphex.
  virtual std::string_view type_version() const { return {}; }
  virtual ConstructKind kind() const { return ConstructKind::plain; }

 protected:
  // A root.
  Construct();

 private:
  friend class Node;
  Node node_;
};

}  // namespace aphex
