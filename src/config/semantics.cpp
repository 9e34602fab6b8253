#include "config/semantics.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/graph.hpp"
#include "config/messages.hpp"
#include "config/placeholder.hpp"
#include "config/regions.hpp"
#include "config/rules.hpp"

namespace aphex::config {
namespace {

using doc::Node;
using doc::NodeKind;

// The value at `key` where it is a text that keeps its rule, else null.
const Node* text_at(const Node& mapping, std::string_view key, const TextRule& rule) {
  const doc::NodeMember* member = mapping.find(key);
  if (member == nullptr || member->value.kind != NodeKind::string) return nullptr;
  if (member->value.broken || !accepts(rule, member->value.text)) return nullptr;
  return &member->value;
}

const Node* value_at(const Node& mapping, std::string_view key, NodeKind kind) {
  const doc::NodeMember* member = mapping.find(key);
  return member != nullptr && member->value.kind == kind ? &member->value : nullptr;
}

struct StackView {
  const Node* name = nullptr;  // null: missing or not valid
  const Node* path = nullptr;
  std::vector<const Node*> depends_on;  // valid names only
};

struct EnvironmentView {
  const Node* name = nullptr;
  const Node* region = nullptr;
  const Node* account = nullptr;
  const Node* stack_list = nullptr;
  const Node* test_list = nullptr;
  const Node* approval = nullptr;
  std::vector<StackView> stacks;  // by index of the list, whatever each item is
};

StackView view_stack(const Node& node) {
  StackView stack;
  stack.name = text_at(node, "name", rules::stack_name);
  stack.path = text_at(node, "path", rules::stack_path);
  if (const Node* list = value_at(node, "dependsOn", NodeKind::sequence)) {
    for (const Node& item : list->items) {
      const bool usable =
          item.kind == NodeKind::string && !item.broken && accepts(rules::stack_name, item.text);
      if (usable) stack.depends_on.push_back(&item);
    }
  }
  return stack;
}

EnvironmentView view_environment(const Node& node) {
  EnvironmentView environment;
  environment.name = text_at(node, "name", rules::environment_name);
  environment.region = text_at(node, "region", rules::region);
  environment.account = text_at(node, "account", rules::account);
  environment.stack_list = value_at(node, "stacks", NodeKind::sequence);
  if (environment.stack_list != nullptr) {
    environment.stacks.reserve(environment.stack_list->items.size());
    for (const Node& item : environment.stack_list->items) {
      environment.stacks.push_back(view_stack(item));
    }
  }
  if (const Node* tests = value_at(node, "tests", NodeKind::mapping)) {
    environment.test_list = value_at(*tests, "commands", NodeKind::sequence);
  }
  environment.approval = value_at(node, "approval", NodeKind::mapping);
  return environment;
}

class Semantics {
 public:
  Semantics(const Node& root, const RepositoryView& repository,
            std::vector<Diagnostic>& diagnostics)
      : repository_(repository), diagnostics_(diagnostics) {
    if (const Node* list = value_at(root, "environments", NodeKind::sequence)) {
      environments_.reserve(list->items.size());
      for (const Node& item : list->items)
        environments_.push_back(view_environment(item));
    }
    collect_regions(root);
  }

  void check() {
    check_environment_names();
    for (const EnvironmentView& environment : environments_) {
      check_region(environment);
      check_account(environment);
      check_empty_lists(environment);
      check_stacks(environment);
      check_approval(environment);
    }
    check_shared_stacks();
  }

 private:
  void say(Diagnostic diagnostic) { diagnostics_.push_back(std::move(diagnostic)); }

  // Regions.

  void collect_regions(const Node& root) {
    for (const Region& region : known_regions())
      regions_.emplace_back(region.name);
    const Node* pipeline = value_at(root, "pipeline", NodeKind::mapping);
    if (pipeline == nullptr) return;
    const Node* more = value_at(*pipeline, "additionalRegions", NodeKind::sequence);
    if (more == nullptr) return;
    for (const Node& item : more->items) {
      if (item.kind == NodeKind::string) regions_.push_back(item.text);
    }
  }

  bool is_region(std::string_view name) const {
    return std::find(regions_.begin(), regions_.end(), name) != regions_.end();
  }

  void check_account(const EnvironmentView& environment) {
    if (environment.account == nullptr || environment.account->text != kPlaceholderAccount) return;
    say(messages::placeholder_account(environment.account->span, name_of(environment)));
  }

  void check_region(const EnvironmentView& environment) {
    if (environment.region == nullptr) return;
    const std::string& name = environment.region->text;
    if (is_region(name)) return;
    say(messages::unknown_region(environment.region->span, name, regions_));
  }

  // Names.

  void check_environment_names() {
    std::unordered_map<std::string_view, const Node*> first;
    for (const EnvironmentView& environment : environments_) {
      if (environment.name == nullptr) continue;
      const auto [place, fresh] = first.try_emplace(environment.name->text, environment.name);
      if (fresh) continue;
      say(messages::duplicate_environment(environment.name->span, environment.name->text,
                                          place->second->span.begin));
    }
  }

  static std::string_view name_of(const EnvironmentView& environment) {
    return environment.name == nullptr ? std::string_view("without a name")
                                       : std::string_view(environment.name->text);
  }

  void check_empty_lists(const EnvironmentView& environment) {
    if (environment.stack_list != nullptr && environment.stack_list->items.empty()) {
      say(messages::no_stacks(environment.stack_list->span, name_of(environment)));
    }
    if (environment.test_list != nullptr && environment.test_list->items.empty()) {
      say(messages::no_tests(environment.test_list->span, name_of(environment)));
    }
  }

  void check_approval(const EnvironmentView& environment) {
    if (environment.approval == nullptr) return;
    const Node* approvers = value_at(*environment.approval, "approvers", NodeKind::sequence);
    if (approvers == nullptr) return;
    std::unordered_set<std::string_view> names;
    for (const Node& item : approvers->items) {
      if (item.kind != NodeKind::string || names.insert(item.text).second) continue;
      say(messages::repeated_approver(item.span, item.text));
    }
    const Node* quorum = value_at(*environment.approval, "quorum", NodeKind::integer);
    if (quorum == nullptr || names.empty()) return;
    const doc::Value value = doc::to_value(*quorum);
    const std::int64_t* number = value.as_int();
    if (number == nullptr || *number <= static_cast<std::int64_t>(names.size())) return;
    say(messages::quorum_too_large({quorum->span, name_of(environment), *number, names.size()}));
  }

  using Index = std::unordered_map<std::string_view, std::size_t>;

  void check_stacks(const EnvironmentView& environment) {
    Index index;
    index.reserve(environment.stacks.size());
    for (std::size_t i = 0; i < environment.stacks.size(); ++i) {
      const StackView& stack = environment.stacks[i];
      if (stack.path != nullptr) check_path(*stack.path);
      if (stack.name == nullptr) continue;
      const auto [place, fresh] = index.try_emplace(stack.name->text, i);
      if (fresh) continue;
      say(messages::duplicate_stack(stack.name->span, stack.name->text,
                                    environment.stacks[place->second].name->span.begin));
    }
    check_dependencies(environment, index);
  }

  // Dependencies.

  void check_dependencies(const EnvironmentView& environment, const Index& index) {
    const std::vector<StackView>& stacks = environment.stacks;
    Needs needs(stacks.size());
    std::vector<std::size_t> named_by(stacks.size(), stacks.size());
    for (std::size_t i = 0; i < stacks.size(); ++i) {
      if (stacks[i].name == nullptr) continue;
      for (const Node* dependency : stacks[i].depends_on) {
        const auto found = index.find(dependency->text);
        if (found == index.end()) {
          report_unknown(environment, stacks[i], *dependency);
        } else if (named_by[found->second] == i) {
          say(messages::repeated_dependency(dependency->span, stacks[i].name->text,
                                            dependency->text));
        } else {
          named_by[found->second] = i;
          needs[i].push_back(found->second);
        }
      }
    }
    for (const std::vector<std::size_t>& cycle : find_cycles(needs)) {
      report_cycle(stacks, cycle);
    }
  }

  void report_unknown(const EnvironmentView& environment, const StackView& stack,
                      const Node& dependency) {
    messages::UnknownDependency unknown{dependency.span, stack.name->text, dependency.text, {}, {}};
    if (suggestions_ < kMaxSuggestions && environment.stacks.size() <= kMaxCandidates) {
      ++suggestions_;
      for (const StackView& other : environment.stacks) {
        if (other.name != nullptr && other.name != stack.name) {
          unknown.known.push_back(other.name->text);
        }
      }
    }
    unknown.other_environment = environment_with(dependency.text);
    say(messages::unknown_dependency(unknown));
  }

  // The first environment that has a stack of this name; made once, for the first bad reference.
  std::string_view environment_with(std::string_view stack_name) {
    if (owners_.empty()) {
      for (const EnvironmentView& environment : environments_) {
        for (const StackView& stack : environment.stacks) {
          if (stack.name == nullptr || environment.name == nullptr) continue;
          owners_.try_emplace(stack.name->text, environment.name->text);
        }
      }
    }
    const auto found = owners_.find(stack_name);
    return found == owners_.end() ? std::string_view() : found->second;
  }

  // Points to the entry of the last stack's dependsOn that leads back to the first.
  void report_cycle(const std::vector<StackView>& stacks, const std::vector<std::size_t>& cycle) {
    std::vector<std::string> names;
    names.reserve(cycle.size());
    for (const std::size_t i : cycle)
      names.push_back(stacks[i].name->text);
    const StackView& last = stacks[cycle.back()];
    const auto closing =
        std::find_if(last.depends_on.begin(), last.depends_on.end(),
                     [&](const Node* dependency) { return dependency->text == names.front(); });
    say(messages::cycle((*closing)->span, names));
  }

  using Target = std::tuple<std::string_view, std::string_view>;  // account, region
  using Deployed = std::unordered_map<std::string_view, const EnvironmentView*>;

  void check_shared_stacks() {
    std::map<Target, Deployed> targets;
    for (const EnvironmentView& environment : environments_) {
      if (environment.account == nullptr || environment.region == nullptr) continue;
      check_shared_stacks(environment,
                          targets[{environment.account->text, environment.region->text}]);
    }
  }

  // One warning for an environment, at its first stack that another one deploys to the same place.
  void check_shared_stacks(const EnvironmentView& environment, Deployed& deployed) {
    messages::SharedStack shared;
    for (const StackView& stack : environment.stacks) {
      if (stack.name == nullptr) continue;
      const auto [place, fresh] = deployed.try_emplace(stack.name->text, &environment);
      if (fresh || place->second == &environment || shared.count++ > 0) continue;
      shared.span = stack.name->span;
      shared.stack = stack.name->text;
      shared.other_environment = name_of(*place->second);
    }
    if (shared.count == 0) return;
    shared.account = environment.account->text;
    shared.region = environment.region->text;
    shared.environment = name_of(environment);
    say(messages::shared_stack(shared));
  }

  // Files.

  void check_path(const Node& node) {
    const std::string& path = node.text;
    auto known = paths_.find(path);
    if (known == paths_.end()) known = paths_.emplace(path, repository_.classify(path)).first;
    switch (known->second) {
      case PathKind::file:
        return;
      case PathKind::directory:
        return say(messages::path_directory(node.span, path));
      case PathKind::missing:
        return say(messages::path_missing(node.span, path, similar_files(path)));
      case PathKind::outside:
        return say(messages::path_outside(node.span, path));
      case PathKind::too_deep:
        return say(messages::path_too_deep(node.span, path));
    }
  }

  std::vector<std::string> similar_files(const std::string& path) {
    if (suggestions_ >= kMaxSuggestions) return {};
    ++suggestions_;
    return repository_.similar_files(path);
  }

  // A suggestion compares with every name there is: a file full of mistakes gets some only.
  static constexpr std::size_t kMaxSuggestions = 200;
  static constexpr std::size_t kMaxCandidates = 2000;

  const RepositoryView& repository_;
  std::vector<Diagnostic>& diagnostics_;
  std::vector<EnvironmentView> environments_;
  std::vector<std::string> regions_;
  std::unordered_map<std::string, PathKind> paths_;
  std::unordered_map<std::string_view, std::string_view> owners_;
  std::size_t suggestions_ = 0;
};

}  // namespace

void check_semantics(const doc::Node& root, const RepositoryView& repository,
                     std::vector<Diagnostic>& diagnostics) {
  if (root.kind == NodeKind::mapping) Semantics(root, repository, diagnostics).check();
}

}  // namespace aphex::config
