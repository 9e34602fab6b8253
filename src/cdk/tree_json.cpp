// tree.json: the tree for people and their editors. Version "tree-0.1", as aws-cdk-lib writes it:
// {"id", "path", "constructInfo": {"fqn", "version"}, "attributes", "children": {id: …}}.
#include <algorithm>
#include <string>

#include "cdk/emit.hpp"
#include "doc/value.hpp"

namespace aphex::cdk {
namespace {

constexpr std::string_view kVersion = "tree-0.1";

class TreeWriter {
 public:
  TreeWriter(const Model& model, std::string_view library_version)
      : model_(model), library_version_(library_version) {
    for (const StackModel& stack : model.stacks) {
      if (!stack.exports.empty()) exporting_.emplace(stack.stack, &stack);
    }
  }

  Value write(const Construct& construct) {
    const Node& node = construct.node();
    const bool is_root = node.path().empty();
    Value::Object members;
    members.emplace_back("id", is_root ? "App" : node.id());
    members.emplace_back("path", node.path());
    members.emplace_back("constructInfo", info(construct.type_name(), construct.type_version()));
    if (construct.kind() == ConstructKind::resource) {
      const auto found = model_.by_path.find(node.path());
      if (found != model_.by_path.end())
        members.emplace_back("attributes", attributes(*found->second));
    }
    Value::Object children;
    children.reserve(node.children().size());
    for (const Construct* child : node.children())
      children.emplace_back(child->node().id(), write(*child));
    add_exports(construct, children);
    if (!children.empty()) members.emplace_back("children", std::move(children));
    return members;
  }

 private:
  Value info(std::string_view name, std::string_view version) const {
    return Value::object(
        {{"fqn", name}, {"version", version.empty() ? library_version_ : version}});
  }

  static Value attributes(const Element& element) {
    const auto& resource = static_cast<const CfnResource&>(*element.element);
    Value::Object members;
    members.emplace_back("aws:cdk:cloudformation:type", resource.type());
    if (const Value* properties = element.rendered.find("Properties"))
      members.emplace_back("aws:cdk:cloudformation:props", *properties);
    members.emplace_back("aws:cdk:cloudformation:logicalId", element.logical_id);
    return members;
  }

  // Exports are made by references; nobody put them into the tree.
  void add_exports(const Construct& construct, Value::Object& children) const {
    const auto found = exporting_.find(&construct);
    if (found == exporting_.end() || construct.node().find_child("Exports") != nullptr) return;
    const std::string path = construct.node().path() + "/Exports";
    Value::Object outputs;
    for (const Export& made : found->second->exports) {
      outputs.emplace_back(made.construct,
                           Value::object({{"id", made.construct},
                                          {"path", path + "/" + made.construct},
                                          {"constructInfo", info("aphex.CfnOutput", {})}}));
    }
    children.emplace_back("Exports", Value::object({{"id", "Exports"},
                                                    {"path", path},
                                                    {"constructInfo", info("aphex.Construct", {})},
                                                    {"children", std::move(outputs)}}));
  }

  const Model& model_;
  std::string_view library_version_;
  std::unordered_map<const Construct*, const StackModel*> exporting_;
};

}  // namespace

std::string tree_json(const Model& model, std::string_view library_version) {
  TreeWriter writer(model, library_version);
  const Value tree =
      Value::object({{"version", kVersion}, {"tree", writer.write(*model.stages.front().stage)}});
  return doc::to_json(tree);
}

}  // namespace aphex::cdk
