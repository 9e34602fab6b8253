#include "cdk/render.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cdk/bootstrap.hpp"
#include "cdk/overrides.hpp"
#include "cdk/references.hpp"
#include "cdk/tag_rules.hpp"

namespace aphex::cdk {
namespace {

constexpr std::string_view kPathMetadata = "aws:cdk:path";
// Set to false by `cdk --no-path-metadata`.
constexpr std::string_view kPathMetadataContext = "aws:cdk:enable-path-metadata";

class Renderer {
 public:
  Renderer(Model& model, std::vector<Problem>& problems)
      : problems_(problems), references_(model, problems) {
    const auto paths = model.stages.front().stage->node().context(kPathMetadataContext);
    const bool* enabled = paths ? paths->as_bool() : nullptr;
    with_paths_ = enabled == nullptr || *enabled;
  }

  void render(Element& element) {
    switch (element.element->kind()) {
      case ConstructKind::resource:
        element.rendered = resource(element);
        break;
      case ConstructKind::output:
        element.rendered = output(static_cast<const CfnOutput&>(*element.element));
        break;
      case ConstructKind::parameter:
        element.rendered = parameter(static_cast<const CfnParameter&>(*element.element).props());
        break;
      case ConstructKind::condition:
        element.rendered = static_cast<const CfnCondition&>(*element.element).expression();
        break;
      case ConstructKind::plain:
      case ConstructKind::stage:
      case ConstructKind::stack:
      case ConstructKind::asset:
        return;
    }
    references_.resolve(element.rendered, element);
  }

 private:
  Value resource(Element& element) {
    const auto& source = static_cast<const CfnResource&>(*element.element);
    Value properties = source.properties();
    const std::size_t tags = apply_tags(element.tag_rules, source.type(), properties);
    if (tags > kMaxTags)
      problem(source, fmt::format("has {} tags, and AWS takes {}", tags, kMaxTags));
    apply_boundary(element, source.type(), properties);
    Value::Object members = {{"Type", source.type()}};
    if (!properties.as_object()->empty()) members.emplace_back("Properties", std::move(properties));
    if (!element.depends_on.empty()) members.emplace_back("DependsOn", dependencies(element));
    if (!source.update_replace_policy().empty())
      members.emplace_back("UpdateReplacePolicy", source.update_replace_policy());
    if (!source.deletion_policy().empty())
      members.emplace_back("DeletionPolicy", source.deletion_policy());
    Value::Object metadata;
    if (with_paths_) metadata.emplace_back(std::string(kPathMetadata), source.node().path());
    for (const Member& member : source.template_metadata())
      metadata.push_back(member);
    if (!metadata.empty()) members.emplace_back("Metadata", std::move(metadata));
    if (!source.condition().is_null()) members.emplace_back("Condition", source.condition());
    Value rendered(std::move(members));
    for (const auto& [path, value] : source.overrides()) {
      std::string message = apply_override(rendered, path, value);
      if (!message.empty()) problem(source, std::move(message));
    }
    return rendered;
  }

  void problem(const Construct& at, std::string message) {
    problems_.push_back({.path = at.node().path(), .message = std::move(message), .hint = {}});
  }

  static Value dependencies(Element& element) {
    Value::Array ids;
    for (const Element* needed : element.depends_on) {
      ids.emplace_back(needed->logical_id);
      element.needs.push_back(needed->resource_index);
    }
    return ids;
  }

  static void apply_boundary(const Element& element, std::string_view type, Value& properties) {
    const Stack& stack = *element.stack->stack;
    const std::string& boundary = stack.permissions_boundary();
    if (boundary.empty() || (type != "AWS::IAM::Role" && type != "AWS::IAM::User")) return;
    const Value* own = properties.find("PermissionsBoundary");
    if (own != nullptr && !own->is_null()) return;
    const bool is_arn = boundary.starts_with("arn:");
    std::string arn = stack.resolve_placeholders(
        is_arn ? boundary : "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/" + boundary);
    Value value = arn.find("${") == std::string::npos ? Value(arn) : fn_sub(arn);
    properties.set("PermissionsBoundary", std::move(value));
  }

  static Value output(const CfnOutput& output) {
    const CfnOutputProps& props = output.props();
    Value value = Value::object();
    if (!props.description.empty()) value.set("Description", props.description);
    value.set("Value", props.value);
    if (!props.export_name.is_null())
      value.set("Export", Value::object({{"Name", props.export_name}}));
    if (!output.condition().is_null()) value.set("Condition", output.condition());
    return value;
  }

  static Value parameter(const CfnParameterProps& props) {
    Value value = Value::object({{"Type", props.type}, {"Default", props.default_value}});
    const auto set_text = [&value](const char* key, const std::string& text) {
      if (!text.empty()) value.set(key, text);
    };
    const auto set_number = [&value](const char* key, const std::optional<std::int64_t>& number) {
      if (number) value.set(key, *number);
    };
    if (!props.allowed_values.empty()) value.set("AllowedValues", props.allowed_values);
    set_text("AllowedPattern", props.allowed_pattern);
    set_text("ConstraintDescription", props.constraint_description);
    set_text("Description", props.description);
    set_number("MinLength", props.min_length);
    set_number("MaxLength", props.max_length);
    set_number("MinValue", props.min_value);
    set_number("MaxValue", props.max_value);
    if (props.no_echo) value.set("NoEcho", true);
    return value;
  }

  std::vector<Problem>& problems_;
  References references_;
  bool with_paths_ = true;
};

// The rule by which CloudFormation refuses an environment with too old a bootstrap, as the CDK's
// default synthesizer writes it.
Value bootstrap_rule() {
  Value::Array too_old;
  for (int version = 1; version < kMinBootstrapVersion; ++version)
    too_old.emplace_back(std::to_string(version));
  Value assertion = Value::object(
      {{"Assert",
        Value::object({{"Fn::Not",
                        Value::array({Value::object(
                            {{"Fn::Contains",
                              Value::array({std::move(too_old),
                                            Value::object({{"Ref", "BootstrapVersion"}})})}})})}})},
       {"AssertDescription",
        fmt::format("CDK bootstrap stack version {} required. Please run 'cdk bootstrap' with a "
                    "recent version of the CDK CLI.",
                    kMinBootstrapVersion)}});
  return Value::object({{"Assertions", Value::array({std::move(assertion)})}});
}

Value bootstrap_parameter(const Stack& stack) {
  return Value::object(
      {{"Type", "AWS::SSM::Parameter::Value<String>"},
       {"Default", bootstrap_names(stack).version_parameter},
       {"Description",
        "Version of the CDK Bootstrap resources in this environment, automatically retrieved from "
        "SSM Parameter Store. [cdk:skip]"}});
}

Value take(Value::Object&& members) {
  return members.empty() ? Value() : Value(std::move(members));
}

}  // namespace

void render_elements(Model& model, std::vector<Problem>& problems) {
  Renderer renderer(model, problems);
  for (Element& element : model.elements)
    renderer.render(element);
}

Value make_template(StackModel& stack) {
  Value::Object parameters;
  Value::Object conditions;
  Value::Object resources;
  Value::Object outputs;
  resources.reserve(stack.resources.size());
  for (Element* element : stack.elements) {
    const ConstructKind kind = element->element->kind();
    Value::Object& section = kind == ConstructKind::resource    ? resources
                             : kind == ConstructKind::output    ? outputs
                             : kind == ConstructKind::parameter ? parameters
                                                                : conditions;
    section.emplace_back(element->logical_id, std::move(element->rendered));
  }
  for (Export& made : stack.exports) {
    outputs.emplace_back(made.output_id,
                         Value::object({{"Value", std::move(made.value)},
                                        {"Export", Value::object({{"Name", made.name}})}}));
  }
  Value::Object rules;
  const Stack& source = *stack.stack;
  if (source.props().bootstrap.version_rule) {
    parameters.emplace_back("BootstrapVersion", bootstrap_parameter(source));
    rules.emplace_back("CheckBootstrapVersion", bootstrap_rule());
  }
  Value::Object sections;
  const auto add = [&sections](const char* name, Value value) {
    if (!value.is_null()) sections.emplace_back(name, std::move(value));
  };
  add("Description", source.description().empty() ? Value() : Value(source.description()));
  add("Parameters", take(std::move(parameters)));
  add("Rules", take(std::move(rules)));
  add("Conditions", take(std::move(conditions)));
  add("Resources", std::move(resources));
  add("Outputs", take(std::move(outputs)));
  return sections;
}

}  // namespace aphex::cdk
