// Builds applications that a test describes, so that peer.cjs can build the same with aws-cdk-lib.
//
//   construct_tool names           a JSON list of ids a line → its names as JSON
//   construct_tool app DIRECTORY   an application a line → DIRECTORY/<line number from 0>
//   construct_tool time STACKS RESOURCES DIRECTORY   a large application: how long it takes, in ms
//
// test_parity.py has the format of an application.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "aphex/app.hpp"
#include "aphex/cfn.hpp"
#include "aphex/stack.hpp"
#include "aphex/tags.hpp"
#include "cdk/names.hpp"
#include "doc/value.hpp"

namespace {

using aphex::Member;
using aphex::Value;

const Value& at(const Value& value, std::string_view key) {
  static const Value kNull;
  const Value* found = value.find(key);
  return found == nullptr ? kNull : *found;
}

const Value::Array& list(const Value& value) {
  static const Value::Array kEmpty;
  const Value::Array* items = value.as_array();
  return items == nullptr ? kEmpty : *items;
}

const Value::Object& members(const Value& value) {
  static const Value::Object kEmpty;
  const Value::Object* object = value.as_object();
  return object == nullptr ? kEmpty : *object;
}

std::string text(const Value& value) {
  const std::string* string = value.as_string();
  return string == nullptr ? std::string() : *string;
}

class Builder {
 public:
  explicit Builder(const Value& description)
      : description_(description),
        app_(aphex::AppProps{
            .context = members(at(description, "context")), .outdir = {}, .problems = {}}) {}

  aphex::App& build() {
    tag(app_, description_);
    add_stacks(app_, description_);
    for (const Value& stage : list(at(description_, "stages"))) {
      auto& made = app_.make<aphex::Stage>(
          text(at(stage, "id")),
          aphex::StageProps{
              .env = environment(stage), .stage_name = {}, .permissions_boundary = {}});
      tag(made, stage);
      add_stacks(made, stage);
    }
    for (const auto& [node, scope] : nodes_)
      add_late(*node, *scope);
    for (const auto& [node, scope] : nodes_)
      finish(*node, *scope);
    return app_;
  }

 private:
  static aphex::Environment environment(const Value& value) {
    return {.account = text(at(value, "account")), .region = text(at(value, "region"))};
  }

  static void tag(aphex::Construct& construct, const Value& value) {
    for (const auto& [key, tag] : members(at(value, "tags")))
      aphex::Tags::of(construct).add(key, text(tag));
  }

  void add_stacks(aphex::Construct& scope, const Value& description) {
    for (const Value& stack : list(at(description, "stacks"))) {
      aphex::StackProps props;
      props.stack_name = text(at(stack, "stackName"));
      props.env = environment(stack);
      props.description = text(at(stack, "description"));
      props.permissions_boundary = text(at(stack, "boundary"));
      if (at(stack, "terminationProtection") == Value(true))
        props.termination_protection = aphex::TerminationProtection::on;
      for (const auto& [key, value] : members(at(stack, "stackTags")))
        props.tags[key] = text(value);
      auto& made = scope.make<aphex::Stack>(text(at(stack, "id")), props);
      known_[made.node().path()] = &made;
      tag(made, stack);
      add_tree(made, at(stack, "tree"));
      nodes_.emplace_back(&stack, &made);
    }
  }

  // What nothing else is needed for.
  void add_tree(aphex::Construct& scope, const Value& tree) {
    for (const Value& node : list(tree)) {
      const std::string kind = text(at(node, "kind"));
      const std::string id = text(at(node, "id"));
      aphex::Construct* made = nullptr;
      if (kind == "resource") {
        made = &scope.make<aphex::CfnResource>(
            id, aphex::CfnResourceProps{.type = text(at(node, "type")), .properties = {}});
      } else if (kind == "parameter") {
        aphex::CfnParameterProps props;
        props.default_value = at(node, "default");
        made = &scope.make<aphex::CfnParameter>(id, props);
      } else if (kind == "plain") {
        made = &scope.make<aphex::Construct>(id);
      } else {
        nodes_.emplace_back(&node, &scope);
        continue;
      }
      known_[made->node().path()] = made;
      tag(*made, node);
      nodes_.emplace_back(&node, made);
      add_tree(*made, at(node, "children"));
    }
  }

  // Conditions and outputs, whose values refer to others.
  void add_late(const Value& node, aphex::Construct& scope) {
    const std::string kind = text(at(node, "kind"));
    const std::string id = text(at(node, "id"));
    if (kind == "condition") {
      auto& made = scope.make<aphex::CfnCondition>(id, value(at(node, "expression")));
      known_[made.node().path()] = &made;
    } else if (kind == "output") {
      scope.make<aphex::CfnOutput>(
          id, aphex::CfnOutputProps{.value = value(at(node, "value")),
                                    .description = text(at(node, "description")),
                                    .export_name = at(node, "exportName"),
                                    .condition = nullptr});
    }
  }

  void finish(const Value& node, aphex::Construct& made) {
    for (const Value& path : list(at(node, "dependsOn")))
      made.node().add_dependency(*known_.at(text(path)));
    if (text(at(node, "kind")) != "resource") return;
    auto& resource = static_cast<aphex::CfnResource&>(made);
    for (const auto& [key, property] : members(at(node, "properties")))
      resource.set_property(key, value(property));
    for (const auto& [path, override] : members(at(node, "overrides")))
      resource.add_override(path, value(override));
    if (const std::string id = text(at(node, "logicalId")); !id.empty())
      resource.override_logical_id(id);
    if (const std::string path = text(at(node, "condition")); !path.empty())
      resource.set_condition(static_cast<aphex::CfnCondition&>(*known_.at(path)));
    const std::string removal = text(at(node, "removal"));
    if (removal == "retain") resource.apply_removal_policy(aphex::RemovalPolicy::retain);
    if (removal == "destroy") resource.apply_removal_policy(aphex::RemovalPolicy::destroy);
  }

  std::vector<Value> values(const Value& items) {
    std::vector<Value> made;
    for (const Value& item : list(items))
      made.push_back(value(item));
    return made;
  }

  const aphex::CfnElement& element(const Value& path) {
    return static_cast<const aphex::CfnElement&>(*known_.at(text(path)));
  }

  Value function(const std::string& name, const Value& argument) {
    const Value::Array& arguments = list(argument);
    if (name == "$ref") return element(argument).ref();
    if (name == "$att") {
      const auto& resource = static_cast<const aphex::CfnResource&>(element(arguments.at(0)));
      return resource.get_att(text(arguments.at(1)));
    }
    if (name == "$join") return aphex::fn_join(text(arguments.at(0)), values(arguments.at(1)));
    if (name == "$sub") {
      std::vector<Member> variables;
      if (arguments.size() > 1) {
        for (const auto& [key, variable] : members(arguments.at(1)))
          variables.emplace_back(key, value(variable));
      }
      return aphex::fn_sub(text(arguments.at(0)), std::move(variables));
    }
    if (name == "$select")
      return aphex::fn_select(*arguments.at(0).as_int(), value(arguments.at(1)));
    if (name == "$split") return aphex::fn_split(text(arguments.at(0)), value(arguments.at(1)));
    if (name == "$equals") return aphex::fn_equals(value(arguments.at(0)), value(arguments.at(1)));
    if (name == "$if") {
      const auto& condition = static_cast<const aphex::CfnCondition&>(element(arguments.at(0)));
      return aphex::fn_if(condition, value(arguments.at(1)), value(arguments.at(2)));
    }
    if (name == "$json") return aphex::to_json_text(value(argument));
    return Value::object({{"Ref", argument}});  // "$pseudo"
  }

  Value value(const Value& description) {
    if (const Value::Array* items = description.as_array()) return values(*items);
    const Value::Object* object = description.as_object();
    if (object == nullptr) return description;
    if (object->size() == 1 && object->front().first.starts_with('$'))
      return function(object->front().first, object->front().second);
    Value::Object made;
    for (const auto& [key, member] : *object)
      made.emplace_back(key, value(member));
    return made;
  }

  const Value& description_;
  aphex::App app_;
  std::map<std::string, aphex::Construct*> known_;
  std::vector<std::pair<const Value*, aphex::Construct*>> nodes_;
};

Value names_of(const Value& ids) {
  aphex::cdk::PathComponents components;
  for (const Value& id : list(ids))
    components.emplace_back(*id.as_string());
  aphex::cdk::PathComponents with_root = components;
  with_root.insert(with_root.begin(), "");
  return Value::object(
      {{"logicalId", aphex::cdk::unique_id(components)},
       {"stackName", aphex::cdk::stack_name_of(components, "")},
       {"artifact", aphex::cdk::artifact_name(aphex::cdk::stack_name_of(components, ""))},
       {"address", aphex::cdk::address_of(with_root)}});
}

int build_apps(const std::filesystem::path& directory) {
  std::string line;
  int failed = 0;
  for (int number = 0; std::getline(std::cin, line); ++number) {
    const auto description = aphex::doc::parse_json(line);
    if (!description) return 2;
    Builder builder(*description);
    const aphex::Synthesis synthesis = builder.build().assemble();
    if (!synthesis.ok()) {
      std::cout << number << ": " << aphex::describe(synthesis.problems) << "\n";
      failed = 1;
      continue;
    }
    if (!aphex::write_assembly(synthesis.assembly, directory / std::to_string(number))) return 2;
  }
  return failed;
}

// A stack as people write them: each resource with properties, tags, a reference to the one before
// it, and each tenth one to the stack before.
void add_stack(aphex::App& app, int number, int resources, const aphex::CfnResource*& last) {
  auto& stack = app.make<aphex::Stack>(
      "Stack" + std::to_string(number),
      aphex::StackProps{.env = {.account = "111122223333", .region = "us-east-1"}});
  const aphex::CfnResource* foreign = last;
  for (int i = 0; i < resources; ++i) {
    auto& scope = stack.make<aphex::Construct>("Group" + std::to_string(i));
    auto& made = scope.make<aphex::CfnResource>("Resource",
                                                aphex::CfnResourceProps{.type = "AWS::SQS::Queue"});
    made.set_property("QueueName", "queue-" + std::to_string(number) + "-" + std::to_string(i));
    made.set_property("VisibilityTimeout", 30);
    const bool crosses = foreign != nullptr && i % 10 == 0 && i < 100;
    if (i > 0) {
      made.set_property(
          "RedrivePolicy",
          Value::object({{"maxReceiveCount", 3},
                         {"deadLetterTargetArn", (crosses ? foreign : last)->get_att("Arn")}}));
    }
    last = &made;
  }
}

int time_large(int stacks, int resources, const std::filesystem::path& directory) {
  using Clock = std::chrono::steady_clock;
  const auto milliseconds = [](Clock::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
  };
  const auto begun = Clock::now();
  aphex::App app(aphex::AppProps{});
  aphex::Tags::of(app).add("Project", "large").add("ManagedBy", "aphex");
  const aphex::CfnResource* last = nullptr;
  for (int i = 0; i < stacks; ++i)
    add_stack(app, i, resources, last);
  const auto built = Clock::now();
  const aphex::Synthesis synthesis = app.assemble();
  const auto assembled = Clock::now();
  if (!synthesis.ok()) {
    std::cout << aphex::describe(synthesis.problems) << "\n";
    return 1;
  }
  if (!aphex::write_assembly(synthesis.assembly, directory)) return 2;
  const auto written = Clock::now();
  std::cout << aphex::doc::to_json(Value::object({{"build", milliseconds(built - begun)},
                                                  {"assemble", milliseconds(assembled - built)},
                                                  {"write", milliseconds(written - assembled)}}))
            << "\n";
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string mode = count > 1 ? arguments[1] : "";
  if (mode == "app" && count == 3) return build_apps(arguments[2]);
  if (mode == "time" && count == 5)
    return time_large(std::atoi(arguments[2]), std::atoi(arguments[3]), arguments[4]);
  if (mode != "names") return 2;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto ids = aphex::doc::parse_json(line);
    if (!ids) return 2;
    std::cout << aphex::doc::to_json(names_of(*ids)) << "\n";
  }
  return 0;
}
