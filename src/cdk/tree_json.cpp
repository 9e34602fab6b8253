// tree.json: the tree for people and their editors. Version "tree-0.1", as aws-cdk-lib writes it:
// {"id", "path", "constructInfo": {"fqn", "version"}, "attributes", "children": {id: …}}.
#include <string>

#include "cdk/emit.hpp"
#include "doc/value.hpp"

namespace aphex::cdk {
namespace {

constexpr std::string_view kVersion = "tree-0.1";

// Writes as it walks: the tree of a large application has no other use for its values.
class TreeWriter {
 public:
  TreeWriter(const Model& model, std::string_view library_version)
      : model_(model), library_version_(library_version) {
    for (const StackModel& stack : model.stacks) {
      if (!stack.exports.empty()) exporting_.emplace(stack.stack, &stack);
    }
  }

  std::string write(const Construct& root) {
    out_ = "{\"version\":";
    text(kVersion);
    out_ += ",\"tree\":";
    construct(root);
    out_ += '}';
    return std::move(out_);
  }

 private:
  void construct(const Construct& construct) {
    const Node& node = construct.node();
    begin(node.path().empty() ? "App" : std::string_view(node.id()), node.path(),
          construct.type_name(), construct.type_version());
    if (construct.kind() == ConstructKind::resource) attributes(construct);
    const auto exporting = exporting_.find(&construct);
    const bool exports =
        exporting != exporting_.end() && construct.node().find_child("Exports") == nullptr;
    if (!node.children().empty() || exports) {
      out_ += ",\"children\":{";
      bool first = true;
      for (const Construct* child : node.children()) {
        key(child->node().id(), first);
        this->construct(*child);
      }
      if (exports) add_exports(*exporting->second, first);
      out_ += '}';
    }
    out_ += '}';
  }

  // Everything of a node but its attributes, its children and the brace at its end.
  void begin(std::string_view id, std::string_view path, std::string_view type,
             std::string_view version) {
    out_ += "{\"id\":";
    text(id);
    out_ += ",\"path\":";
    text(path);
    out_ += ",\"constructInfo\":{\"fqn\":";
    text(type);
    out_ += ",\"version\":";
    text(version.empty() ? library_version_ : version);
    out_ += '}';
  }

  void attributes(const Construct& construct) {
    const auto found = model_.by_path.find(construct.node().path());
    if (found == model_.by_path.end()) return;
    const Element& element = *found->second;
    out_ += ",\"attributes\":{\"aws:cdk:cloudformation:type\":";
    text(static_cast<const CfnResource&>(construct).type());
    if (const Value* properties = element.rendered.find("Properties")) {
      out_ += ",\"aws:cdk:cloudformation:props\":";
      out_ += doc::to_json(*properties);
    }
    out_ += ",\"aws:cdk:cloudformation:logicalId\":";
    text(element.logical_id);
    out_ += '}';
  }

  // Exports are made by references; nobody put them into the tree.
  void add_exports(const StackModel& stack, bool& first) {
    const std::string path = stack.stack->node().path() + "/Exports";
    key("Exports", first);
    begin("Exports", path, "aphex.Construct", {});
    out_ += ",\"children\":{";
    bool first_output = true;
    for (const Export& made : stack.exports) {
      key(made.construct, first_output);
      begin(made.construct, path + "/" + made.construct, "aphex.CfnOutput", {});
      out_ += '}';
    }
    out_ += "}}";
  }

  void key(std::string_view name, bool& first) {
    if (!first) out_ += ',';
    first = false;
    text(name);
    out_ += ':';
  }

  void text(std::string_view value) { out_ += doc::to_json(value); }

  const Model& model_;
  std::string_view library_version_;
  std::unordered_map<const Construct*, const StackModel*> exporting_;
  std::string out_;
};

}  // namespace

std::string tree_json(const Model& model, std::string_view library_version) {
  return TreeWriter(model, library_version).write(*model.stages.front().stage);
}

}  // namespace aphex::cdk
