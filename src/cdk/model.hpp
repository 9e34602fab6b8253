#pragma once
// The tree as the synthesis sees it: what of CloudFormation is in which stack, in which stage.
// Valid as long as the tree does not change.

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "aphex/app.hpp"
#include "aphex/asset.hpp"
#include "aphex/cfn.hpp"
#include "aphex/construct.hpp"
#include "aphex/stack.hpp"
#include "aphex/tags.hpp"

namespace aphex::cdk {

struct StackModel;
struct StageModel;

// From the root downwards: of equal priorities, the later one counts.
using TagRules = std::vector<const TagRule*>;

struct Element {
  const CfnElement* element = nullptr;
  StackModel* stack = nullptr;
  std::string logical_id;
  TagRules tag_rules;                // of a resource
  std::size_t resource_index = 0;    // of a resource, among those of its stack
  std::vector<Element*> depends_on;  // resources of the same stack, by path, each once
  // Resources of the same stack that this one refers to or waits for, by their resource_index.
  std::vector<std::size_t> needs;
  Value rendered;
};

// A construct of which manifest.json has something to say.
struct Annotated {
  const Construct* construct = nullptr;
  const Element* element = nullptr;  // null where it has only metadata
};

struct Export {
  std::string output_id;  // logical id of the output
  std::string name;       // of the export
  std::string construct;  // id of the output below "Exports"
  Value value;
};

struct StackModel {
  const Stack* stack = nullptr;
  StageModel* stage = nullptr;
  TagRules tag_rules;
  std::vector<Element*> elements;   // in the order of the tree
  std::vector<Element*> resources;  // those that are resources
  std::unordered_map<std::string_view, Element*> by_logical_id;
  std::vector<const FileAsset*> assets;
  std::vector<Annotated> annotated;  // in the order of the tree
  std::vector<StackModel*> needs;    // stacks that are deployed before, each once
  std::vector<Export> exports;
  std::unordered_map<std::string, std::size_t> export_index;  // by Export::construct
};

struct StageModel {
  const Stage* stage = nullptr;
  std::vector<StackModel*> stacks;
  std::vector<StageModel*> stages;
};

struct Model {
  std::deque<StageModel> stages;  // the application first; addresses stay
  std::deque<StackModel> stacks;  // in the order of the tree
  std::deque<Element> elements;   // in the order of the tree
  std::unordered_map<std::string_view, Element*> by_path;
};

// Walks the tree. What is wrong with it by itself goes to `problems`: problems that were met while
// it was built, and what its validations say.
void collect(const App& app, Model& model, std::vector<Problem>& problems);

void add_need(StackModel& stack, StackModel& needed);

}  // namespace aphex::cdk
