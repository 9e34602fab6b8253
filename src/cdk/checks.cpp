#include "cdk/checks.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/graph.hpp"
#include "cdk/references.hpp"

namespace aphex::cdk {
namespace {

// "CloudFormation quotas" in AWS's user guide, read in 2025.
constexpr std::size_t kMaxResources = 500;
constexpr std::size_t kMaxOutputs = 200;
constexpr std::size_t kMaxParameters = 200;
constexpr std::size_t kMaxTemplateBytes = 1'000'000;
constexpr std::size_t kMaxOutputDescription = 1024;
constexpr std::size_t kMaxParameterDescription = 4000;
constexpr std::size_t kMaxExportName = 256;

class Checker {
 public:
  Checker(const Model& model, std::vector<Problem>& problems)
      : model_(model), problems_(problems) {}

  void check() {
    for (const StackModel& stack : model_.stacks) {
      check_counts(stack);
      check_texts(stack);
      check_resource_cycles(stack);
      check_names(stack);
    }
    check_stack_cycles();
  }

 private:
  void problem(std::string path, std::string message, std::string hint = {}) {
    problems_.push_back(
        {.path = std::move(path), .message = std::move(message), .hint = std::move(hint)});
  }

  void check_counts(const StackModel& stack) {
    const auto count = [&stack](ConstructKind kind) {
      return static_cast<std::size_t>(std::count_if(
          stack.elements.begin(), stack.elements.end(),
          [kind](const Element* element) { return element->element->kind() == kind; }));
    };
    const std::string& path = stack.stack->node().path();
    check_count(path, "resources", stack.resources.size(), kMaxResources,
                "split the stack: what is rarely changed can move to a stack of its own");
    check_count(path, "outputs", count(ConstructKind::output) + stack.exports.size(), kMaxOutputs,
                "each reference from another stack is an output, too: move what belongs together "
                "into one stack");
    const std::size_t own = stack.stack->props().bootstrap.version_rule ? 1 : 0;
    check_count(path, "parameters", count(ConstructKind::parameter) + own, kMaxParameters,
                "pass values from code instead");
  }

  void check_count(const std::string& path, std::string_view what, std::size_t count,
                   std::size_t limit, std::string_view remedy) {
    if (count <= limit) return;
    problem(
        path,
        fmt::format("stack '{}' has {} {}, and CloudFormation takes {}", path, count, what, limit),
        std::string(remedy));
  }

  void check_texts(const StackModel& stack) {
    for (const Element* element : stack.elements) {
      const Value& rendered = element->rendered;
      const ConstructKind kind = element->element->kind();
      if (kind == ConstructKind::output) {
        check_length(*element, "description", rendered.string_or("Description", ""),
                     kMaxOutputDescription);
        const Value* name = rendered.find({"Export", "Name"});
        if (name != nullptr && name->is_string()) check_export(stack, *element, *name->as_string());
      } else if (kind == ConstructKind::parameter) {
        check_length(*element, "description", rendered.string_or("Description", ""),
                     kMaxParameterDescription);
      }
    }
    for (const Export& made : stack.exports)
      claim_export(stack, stack.stack->node().path(), made.name);
  }

  void check_length(const Element& element, std::string_view what, const std::string& text,
                    std::size_t limit) {
    if (text.size() <= limit) return;
    problem(element.element->node().path(),
            fmt::format("the {} of '{}' has {} bytes, and CloudFormation takes {}", what,
                        element.logical_id, text.size(), limit),
            "shorten it");
  }

  void check_export(const StackModel& stack, const Element& element, const std::string& name) {
    check_length(element, "export name", name, kMaxExportName);
    if (name.empty()) problem(element.element->node().path(), "the export name is empty");
    claim_export(stack, element.element->node().path(), name);
  }

  void claim_export(const StackModel& stack, const std::string& path, const std::string& name) {
    const auto [known, fresh] =
        exports_.emplace(environment_name(stack.stack->env()) + " " + name, path);
    if (fresh) return;
    problem(path, fmt::format("the export '{}' is that of '{}' already", name, known->second),
            "an export's name is unique in an account and region");
  }

  void check_resource_cycles(const StackModel& stack) {
    Needs needs(stack.resources.size());
    for (const Element* element : stack.resources) {
      std::vector<std::size_t>& own = needs[element->resource_index];
      own = element->needs;
      std::sort(own.begin(), own.end());
      own.erase(std::unique(own.begin(), own.end()), own.end());
    }
    for (const std::vector<std::size_t>& cycle : find_cycles(needs)) {
      std::string names;
      for (const std::size_t index : cycle)
        names += stack.resources[index]->element->node().path() + " → ";
      const std::string& first = stack.resources[cycle.front()]->element->node().path();
      problem(first, fmt::format("resources need one another in a circle: {}{}", names, first),
              "CloudFormation creates what is needed first: take one of these references away");
    }
  }

  void check_names(const StackModel& stack) {
    const std::string& path = stack.stack->node().path();
    const auto [named, fresh_name] = stack_names_.emplace(
        environment_name(stack.stack->env()) + " " + stack.stack->stack_name(), path);
    if (!fresh_name) {
      problem(path,
              fmt::format("the stack name '{}' is that of '{}' already, in {}",
                          stack.stack->stack_name(), named->second,
                          environment_name(stack.stack->env())),
              "stack names are unique in an account and region");
    }
    const auto [artifact, fresh_artifact] =
        artifacts_.emplace(std::pair(stack.stage, stack.stack->artifact_id()), path);
    if (!fresh_artifact) {
      problem(path,
              fmt::format("the artifact '{}' is that of '{}' already", stack.stack->artifact_id(),
                          artifact->second),
              "give the stack another id");
    }
  }

  void check_stack_cycles() {
    std::map<const StackModel*, std::size_t> index;
    for (const StackModel& stack : model_.stacks)
      index.emplace(&stack, index.size());
    Needs needs(model_.stacks.size());
    for (const StackModel& stack : model_.stacks) {
      for (const StackModel* needed : stack.needs)
        needs[index.at(&stack)].push_back(index.at(needed));
    }
    for (const std::vector<std::size_t>& cycle : find_cycles(needs)) {
      std::string names;
      for (const std::size_t at : cycle)
        names += model_.stacks[at].stack->node().path() + " → ";
      const std::string& first = model_.stacks[cycle.front()].stack->node().path();
      problem(first, fmt::format("stacks need one another in a circle: {}{}", names, first),
              "move what both use into a stack of its own");
    }
  }

  const Model& model_;
  std::vector<Problem>& problems_;
  std::map<std::string, std::string> exports_;      // environment and name → path
  std::map<std::string, std::string> stack_names_;  // environment and name → path
  std::map<std::pair<const StageModel*, std::string>, std::string> artifacts_;
};

}  // namespace

void check_model(const Model& model, std::vector<Problem>& problems) {
  Checker(model, problems).check();
}

void check_template_size(const StackModel& stack, std::size_t bytes,
                         std::vector<Problem>& problems) {
  if (bytes <= kMaxTemplateBytes) return;
  const std::string& path = stack.stack->node().path();
  problems.push_back({.path = path,
                      .message = fmt::format(
                          "the template of stack '{}' has {} bytes, and CloudFormation takes {}",
                          path, bytes, kMaxTemplateBytes),
                      .hint = "put large texts into assets (aphex/asset.hpp), or split the stack"});
}

}  // namespace aphex::cdk
