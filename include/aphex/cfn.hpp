#pragma once
// What a CloudFormation template is made of, and references between its parts.
//
// ref() and get_att() give tokens: values that stand anywhere in the properties of other resources,
// also of other stacks of the application, where they become exports and imports. A token is a
// JSON value of its own kind, not a text: put it into a text by fn_join() or fn_sub().

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aphex/construct.hpp"
#include "aphex/stack.hpp"
#include "aphex/value.hpp"

namespace aphex {

// Everything that has a logical id in a template.
class CfnElement : public Construct {
 public:
  CfnElement(Construct& scope, std::string id);

  // The CDK's own for this path, or what override_logical_id() said.
  std::string logical_id() const;
  // 1 to 255 of A-Z a-z 0-9.
  void override_logical_id(std::string logical_id);

  // {"Ref": …}
  Value ref() const;
  // The logical id itself, as it will be in the template: a text within this element's stack.
  Value logical_id_token() const;

 protected:
  // A token for {"Fn::GetAtt": [this, attribute]}.
  Value attribute_token(std::string_view attribute) const;

 private:
  std::string logical_id_override_;
};

// The CDK's logical id for a path below a stack (aws-cdk-lib 2.276, core/lib/private/uniqueid):
// ids without "Default"; one id alone is taken as it is; otherwise what people read (without
// "Resource", without repetition) and eight digits of the path's MD5. At most 255 characters.
std::string make_logical_id(const std::vector<std::string>& path_components);

// A value for people: tokens are written ${path} and ${path.Attribute}, intrinsic functions as they
// read best.
std::string text_for_people(const Value& value);

enum class RemovalPolicy {
  destroy,                    // with the stack, or when it is replaced
  retain,                     //
  snapshot,                   // of types that know it
  retain_on_update_or_delete  // retained, unless its own creation failed
};

struct CfnResourceProps {
  std::string type = {};  // "AWS::S3::Bucket"
  Value properties = {};  // an object; members that are null are left out
};

class CfnCondition;

class CfnResource : public CfnElement {
 public:
  CfnResource(Construct& scope, std::string id, CfnResourceProps props);

  const std::string& type() const { return type_; }
  // {"Fn::GetAtt": [this, name]}
  Value get_att(std::string_view name) const { return attribute_token(name); }

  Value& properties() { return properties_; }
  const Value& properties() const { return properties_; }
  void set_property(std::string name, Value value) {
    properties_.set(std::move(name), std::move(value));
  }

  // Over anything of the rendered resource: add_override("Properties.Rules.0.Id", "x"),
  // add_override("UpdatePolicy", …). A dot within a key is written "\.". Objects are merged, null
  // takes away. Later ones come over earlier ones.
  void add_override(std::string path, Value value);
  void add_property_override(const std::string& path, Value value) {
    add_override("Properties." + path, std::move(value));
  }
  const std::vector<Member>& overrides() const { return overrides_; }

  // DependsOn; for whole subtrees and other stacks, node().add_dependency().
  void depends_on(const CfnResource& other) { node().add_dependency(other); }

  // Both DeletionPolicy and UpdateReplacePolicy.
  void apply_removal_policy(RemovalPolicy policy);
  void set_condition(const CfnCondition& condition);
  // Of the template ("Metadata" of the resource), beside aws:cdk:path.
  void add_template_metadata(std::string key, Value value);

  std::string_view type_name() const override { return "aphex.CfnResource"; }
  ConstructKind kind() const override { return ConstructKind::resource; }

  const std::string& deletion_policy() const { return deletion_policy_; }
  const std::string& update_replace_policy() const { return update_replace_policy_; }
  // Null, or a token for the condition's logical id.
  const Value& condition() const { return condition_; }
  const std::vector<Member>& template_metadata() const { return template_metadata_; }

 private:
  std::string type_;
  Value properties_;
  std::vector<Member> overrides_;
  std::string deletion_policy_;
  std::string update_replace_policy_;
  Value condition_;
  std::vector<Member> template_metadata_;
};

struct CfnOutputProps {
  Value value = {};
  std::string description = {};  // up to 1024 bytes
  Value export_name = {};        // null: not exported
  const CfnCondition* condition = nullptr;
};

class CfnOutput : public CfnElement {
 public:
  CfnOutput(Construct& scope, std::string id, CfnOutputProps props);
  const CfnOutputProps& props() const { return props_; }
  // Null, or a token for the condition's logical id.
  const Value& condition() const { return condition_; }
  std::string_view type_name() const override { return "aphex.CfnOutput"; }
  ConstructKind kind() const override { return ConstructKind::output; }

 private:
  CfnOutputProps props_;
  Value condition_;
};

struct CfnParameterProps {
  std::string type = "String";
  Value default_value = {};  // null: none
  std::string description = {};
  std::vector<Value> allowed_values = {};
  std::string allowed_pattern = {};
  std::string constraint_description = {};
  std::optional<std::int64_t> min_length = {};
  std::optional<std::int64_t> max_length = {};
  std::optional<std::int64_t> min_value = {};
  std::optional<std::int64_t> max_value = {};
  bool no_echo = false;
};

class CfnParameter : public CfnElement {
 public:
  CfnParameter(Construct& scope, std::string id, CfnParameterProps props = {});
  const CfnParameterProps& props() const { return props_; }
  // Its value: ref().
  Value value() const { return ref(); }
  std::string_view type_name() const override { return "aphex.CfnParameter"; }
  ConstructKind kind() const override { return ConstructKind::parameter; }

 private:
  CfnParameterProps props_;
};

// An entry of "Conditions". `expression` is made of fn_equals(), fn_and(), …
class CfnCondition : public CfnElement {
 public:
  CfnCondition(Construct& scope, std::string id, Value expression);
  const Value& expression() const { return expression_; }
  std::string_view type_name() const override { return "aphex.CfnCondition"; }
  ConstructKind kind() const override { return ConstructKind::condition; }

 private:
  Value expression_;
};

// Whether a value is, or holds, something that only deployment knows.
bool is_unresolved(const Value& value);

// --- pseudo parameters --------------------------------------------------------------------------
namespace pseudo {
Value account_id();
Value region();
Value partition();
Value url_suffix();
Value stack_id();
Value stack_name();
Value notification_arns();
Value no_value();
}  // namespace pseudo

// --- intrinsic functions ------------------------------------------------------------------------
// Adjacent literals are joined at once; a list of literals only gives a text.
Value fn_join(std::string_view delimiter, std::vector<Value> parts);
// fn_join("", parts): `concat({"arn:aws:s3:::", bucket.ref(), "/*"})`
Value concat(std::vector<Value> parts);
// ${name} in `text` is one of `variables`, a pseudo parameter, or a logical id; "${!x}" is "${x}".
Value fn_sub(std::string_view text, std::vector<Member> variables = {});
Value fn_select(std::int64_t index, Value list);
Value fn_split(std::string_view delimiter, Value text);
Value fn_import_value(Value export_name);
Value fn_base64(Value text);
Value fn_get_azs(Value region = "");
Value fn_cidr(Value block, std::int64_t count, std::int64_t size_mask);
Value fn_find_in_map(Value map, Value first_key, Value second_key);
Value fn_if(const CfnCondition& condition, Value then, Value otherwise);
Value fn_equals(Value left, Value right);
Value fn_not(Value condition);
Value fn_and(std::vector<Value> conditions);
Value fn_or(std::vector<Value> conditions);
// A condition within another one's expression.
Value fn_condition(const CfnCondition& condition);
// `value` as JSON text, for properties that hold JSON in a text (a dashboard's body). Tokens within
// stand where a string would: deployment puts their text between the quotation marks.
Value to_json_text(const Value& value);

}  // namespace aphex
