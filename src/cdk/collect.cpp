#include <algorithm>

#include <fmt/format.h>

#include "cdk/model.hpp"

namespace aphex::cdk {
namespace {

// Deeper trees are a loop in the program that builds them; walking one would exhaust the stack.
constexpr std::size_t kMaxDepth = 200;

// What lies below a construct: ranges of Model::elements and Model::stacks.
struct Extent {
  std::size_t first_element = 0;
  std::size_t end_element = 0;
  std::size_t first_stack = 0;
  std::size_t end_stack = 0;
};

struct Dependency {
  const Construct* from = nullptr;
  const Construct* to = nullptr;
};

class Collector {
 public:
  Collector(Model& model, std::vector<Problem>& problems) : model_(model), problems_(problems) {}

  void walk(const Construct& construct) {
    Extent extent{.first_element = model_.elements.size(),
                  .end_element = 0,
                  .first_stack = model_.stacks.size(),
                  .end_stack = 0};
    const Node& node = construct.node();
    StackModel* const outer_stack = stack_;
    StageModel* const outer_stage = stage_;
    const std::size_t outer_rules = rules_.size();
    for (const TagRule& rule : node.tag_rules())
      rules_.push_back(&rule);
    enter(construct);
    if (++depth_ > kMaxDepth) {
      problem(construct, fmt::format("the tree is deeper than {} constructs", kMaxDepth));
    } else {
      for (const Construct* child : node.children())
        walk(*child);
    }
    --depth_;
    rules_.resize(outer_rules);
    stage_ = outer_stage;
    stack_ = outer_stack;
    extent.end_element = model_.elements.size();
    extent.end_stack = model_.stacks.size();
    extents_.emplace(&construct, extent);
  }

  // Once all is known.
  void connect() {
    for (const Dependency& dependency : dependencies_) {
      const auto target = extents_.find(dependency.to);
      if (target == extents_.end()) {
        problem(*dependency.from, fmt::format("depends on '{}', which is in another application",
                                              dependency.to->node().path()));
        continue;
      }
      connect(extents_.at(dependency.from), *dependency.from, target->second, *dependency.to);
    }
    for (Element& element : model_.elements) {
      std::vector<Element*>& list = element.depends_on;
      std::sort(list.begin(), list.end(), [](const Element* left, const Element* right) {
        return left->element->node().path() < right->element->node().path();
      });
      list.erase(std::unique(list.begin(), list.end()), list.end());
    }
  }

 private:
  void problem(const Construct& at, std::string message, std::string hint = {}) {
    problems_.push_back(
        {.path = at.node().path(), .message = std::move(message), .hint = std::move(hint)});
  }

  void enter(const Construct& construct) {
    const Node& node = construct.node();
    const Element* element = nullptr;
    switch (construct.kind()) {
      case ConstructKind::stage:
        enter_stage(static_cast<const Stage&>(construct));
        break;
      case ConstructKind::stack:
        enter_stack(static_cast<const Stack&>(construct));
        break;
      case ConstructKind::resource:
      case ConstructKind::output:
      case ConstructKind::parameter:
      case ConstructKind::condition:
        if (stack_ != nullptr) element = &enter_element(static_cast<const CfnElement&>(construct));
        break;
      case ConstructKind::asset:
        if (stack_ != nullptr) stack_->assets.push_back(static_cast<const FileAsset*>(&construct));
        break;
      case ConstructKind::plain:
        break;
    }
    annotate(construct, element);
    for (const Construct* other : node.dependencies())
      dependencies_.push_back({.from = &construct, .to = other});
    for (const Validation& validation : node.validations()) {
      for (std::string& message : validation())
        problem(construct, std::move(message));
    }
  }

  void enter_stage(const Stage& stage) {
    StageModel& model = model_.stages.emplace_back();
    model.stage = &stage;
    if (stage_ != nullptr) stage_->stages.push_back(&model);
    stage_ = &model;
    stack_ = nullptr;
  }

  void enter_stack(const Stack& stack) {
    StackModel& model = model_.stacks.emplace_back();
    model.stack = &stack;
    model.stage = stage_;
    model.tag_rules = rules_;
    stage_->stacks.push_back(&model);
    stack_ = &model;
  }

  void annotate(const Construct& construct, const Element* element) {
    if (stack_ == nullptr || (element == nullptr && construct.node().metadata().empty())) return;
    stack_->annotated.push_back({.construct = &construct, .element = element});
  }

  Element& enter_element(const CfnElement& construct) {
    Element& element = model_.elements.emplace_back();
    element.element = &construct;
    element.stack = stack_;
    element.logical_id = construct.logical_id();
    if (construct.kind() == ConstructKind::resource) {
      element.tag_rules = rules_;
      element.resource_index = stack_->resources.size();
      stack_->resources.push_back(&element);
    }
    stack_->elements.push_back(&element);
    model_.by_path.emplace(construct.node().path(), &element);
    const auto [known, fresh] = stack_->by_logical_id.emplace(element.logical_id, &element);
    if (!fresh && !element.logical_id.empty()) {
      problem(construct,
              fmt::format("the logical id '{}' is that of '{}' already", element.logical_id,
                          known->second->element->node().path()),
              "give one of them another id, or call override_logical_id()");
    }
    return element;
  }

  // The stacks that have something of what lies below a construct.
  std::vector<StackModel*> stacks_of(const Extent& extent) {
    std::vector<StackModel*> stacks;
    const auto add = [&stacks](StackModel* stack) {
      if (std::find(stacks.rbegin(), stacks.rend(), stack) == stacks.rend())
        stacks.push_back(stack);
    };
    for (std::size_t i = extent.first_stack; i < extent.end_stack; ++i)
      add(&model_.stacks[i]);
    for (std::size_t i = extent.first_element; i < extent.end_element; ++i)
      add(model_.elements[i].stack);
    return stacks;
  }

  void connect(const Extent& from, const Construct& at, const Extent& to, const Construct& other) {
    for (StackModel* stack : stacks_of(from)) {
      for (StackModel* needed : stacks_of(to)) {
        if (stack == needed) {
          connect_resources(from, to, *stack);
        } else if (stack->stage != needed->stage) {
          problem(at,
                  fmt::format("depends on '{}', which is in another stage", other.node().path()),
                  "what depends on one another belongs to one stage");
        } else {
          add_need(*stack, *needed);
        }
      }
    }
  }

  void connect_resources(const Extent& from, const Extent& to, const StackModel& stack) {
    for (std::size_t i = from.first_element; i < from.end_element; ++i) {
      Element& element = model_.elements[i];
      if (!is_resource_of(element, stack)) continue;
      for (std::size_t k = to.first_element; k < to.end_element; ++k) {
        Element& needed = model_.elements[k];
        if (i != k && is_resource_of(needed, stack)) element.depends_on.push_back(&needed);
      }
    }
  }

  static bool is_resource_of(const Element& element, const StackModel& stack) {
    return element.stack == &stack && element.element->kind() == ConstructKind::resource;
  }

  Model& model_;
  std::vector<Problem>& problems_;
  StageModel* stage_ = nullptr;
  StackModel* stack_ = nullptr;
  TagRules rules_;
  std::size_t depth_ = 0;
  std::vector<Dependency> dependencies_;
  std::unordered_map<const Construct*, Extent> extents_;
};

}  // namespace

void collect(const App& app, Model& model, std::vector<Problem>& problems) {
  problems = app.node().problems_of_tree();
  Collector collector(model, problems);
  collector.walk(app);
  collector.connect();
}

void add_need(StackModel& stack, StackModel& needed) {
  if (std::find(stack.needs.begin(), stack.needs.end(), &needed) == stack.needs.end())
    stack.needs.push_back(&needed);
}

}  // namespace aphex::cdk
