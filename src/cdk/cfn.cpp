#include "aphex/cfn.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cdk/names.hpp"
#include "cdk/token.hpp"

namespace aphex {
namespace {

constexpr std::size_t kMaxLogicalId = 255;

bool is_logical_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLogicalId &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

std::string_view policy_name(RemovalPolicy policy) {
  switch (policy) {
    case RemovalPolicy::destroy:
      return "Delete";
    case RemovalPolicy::retain:
      return "Retain";
    case RemovalPolicy::snapshot:
      return "Snapshot";
    case RemovalPolicy::retain_on_update_or_delete:
      return "RetainExceptOnCreate";
  }
  return {};
}

// "AWS::S3::Bucket", "Custom::Anything", "Alexa::ASK::Skill", "My::Own::Type::MODULE".
bool is_resource_type(std::string_view type) {
  const std::size_t at = type.find("::");
  return at != std::string_view::npos && at > 0 && at + 2 < type.size();
}

}  // namespace

CfnElement::CfnElement(Construct& scope, std::string id) : Construct(scope, std::move(id)) {
  if (node().stack() == nullptr) {
    node().add_problem("an element of a template is outside of any stack",
                       "make it below an aphex::Stack");
  } else if (logical_id().empty()) {
    node().add_problem("the path below the stack gives no logical id",
                       "an id needs a letter or a digit, and not every id may be 'Default'");
  }
}

std::string CfnElement::logical_id() const {
  if (!logical_id_override_.empty()) return logical_id_override_;
  cdk::PathComponents components;
  const Construct* stack = node().stack();
  for (const Construct* at = this; at != nullptr && at != stack; at = at->node().scope())
    components.emplace_back(at->node().id());
  std::reverse(components.begin(), components.end());
  return cdk::unique_id(std::move(components));
}

void CfnElement::override_logical_id(std::string logical_id) {
  if (!is_logical_id(logical_id)) {
    node().add_problem(fmt::format("'{}' is no logical id", logical_id),
                       "1 to 255 of A-Z, a-z and 0-9");
    return;
  }
  logical_id_override_ = std::move(logical_id);
}

Value CfnElement::ref() const {
  return cdk::make_token({.kind = cdk::TokenKind::ref, .path = node().path(), .attribute = {}});
}

Value CfnElement::attribute_token(std::string_view attribute) const {
  return cdk::make_token(
      {.kind = cdk::TokenKind::attribute, .path = node().path(), .attribute = attribute});
}

Value CfnElement::logical_id_token() const {
  return cdk::make_token({.kind = cdk::TokenKind::id, .path = node().path(), .attribute = {}});
}

std::string make_logical_id(const std::vector<std::string>& path_components) {
  return cdk::unique_id({path_components.begin(), path_components.end()});
}

CfnResource::CfnResource(Construct& scope, std::string id, CfnResourceProps props)
    : CfnElement(scope, std::move(id)),
      type_(std::move(props.type)),
      properties_(std::move(props.properties)) {
  if (!is_resource_type(type_)) {
    node().add_problem(fmt::format("'{}' is no resource type", type_),
                       "a type is written as AWS::S3::Bucket");
  }
  if (properties_.is_null()) properties_ = Value::object();
  if (!properties_.is_object()) {
    node().add_problem("the properties of a resource are not an object");
    properties_ = Value::object();
  }
}

void CfnResource::add_override(std::string path, Value value) {
  if (path.empty() || path.front() == '.' || path.back() == '.' ||
      path.find("..") != std::string::npos) {
    node().add_problem(fmt::format("the override '{}' has an empty key", path),
                       "keys are separated by '.': Properties.Rules.0.Id");
    return;
  }
  overrides_.emplace_back(std::move(path), std::move(value));
}

void CfnResource::apply_removal_policy(RemovalPolicy policy) {
  deletion_policy_ = policy_name(policy);
  // A replaced resource was created, so that there is no "except on create" for it.
  update_replace_policy_ = policy == RemovalPolicy::retain_on_update_or_delete
                               ? policy_name(RemovalPolicy::retain)
                               : deletion_policy_;
}

void CfnResource::set_condition(const CfnCondition& condition) {
  condition_ = condition.logical_id_token();
}

void CfnResource::add_template_metadata(std::string key, Value value) {
  template_metadata_.emplace_back(std::move(key), std::move(value));
}

CfnOutput::CfnOutput(Construct& scope, std::string id, CfnOutputProps props)
    : CfnElement(scope, std::move(id)), props_(std::move(props)) {
  if (props_.condition != nullptr) condition_ = props_.condition->logical_id_token();
  props_.condition = nullptr;
  if (props_.value.is_null()) node().add_problem("the output has no value");
}

CfnParameter::CfnParameter(Construct& scope, std::string id, CfnParameterProps props)
    : CfnElement(scope, std::move(id)), props_(std::move(props)) {}

CfnCondition::CfnCondition(Construct& scope, std::string id, Value expression)
    : CfnElement(scope, std::move(id)), expression_(std::move(expression)) {
  if (expression_.is_null()) node().add_problem("the condition has no expression");
}

}  // namespace aphex
