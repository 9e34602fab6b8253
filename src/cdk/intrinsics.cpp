// Pseudo parameters and intrinsic functions, and values with them as text.
#include <algorithm>
#include <string>

#include "aphex/cfn.hpp"
#include "cdk/token.hpp"
#include "doc/value.hpp"

namespace aphex {
namespace {

Value function(std::string_view name, Value argument) {
  Value::Object object;
  object.emplace_back(std::string(name), std::move(argument));
  return object;
}

Value pseudo_parameter(std::string_view name) {
  return function("Ref", name);
}

// The parts of a join with this delimiter; null where `value` is something else.
const Value::Array* parts_of_join(const Value& value, std::string_view delimiter) {
  const auto intrinsic = cdk::as_intrinsic(value);
  if (!intrinsic || intrinsic->name != "Fn::Join") return nullptr;
  const Value::Array* arguments = intrinsic->argument->as_array();
  if (arguments == nullptr || arguments->size() != 2) return nullptr;
  const std::string* own = arguments->front().as_string();
  return own != nullptr && *own == delimiter ? arguments->back().as_array() : nullptr;
}

// Appends a part; two literals in a row become one.
void append_part(Value::Array& parts, Value part, std::string_view delimiter) {
  const std::string* text = part.as_string();
  const std::string* last = parts.empty() ? nullptr : parts.back().as_string();
  if (text == nullptr || last == nullptr) {
    parts.push_back(std::move(part));
    return;
  }
  std::string joined = *last;
  joined += delimiter;
  joined += *text;
  parts.back() = std::move(joined);
}

// Writes JSON with gaps where deployment puts something in.
class JsonText {
 public:
  void add(const Value& value) {
    if (cdk::as_token(value) || cdk::as_intrinsic(value)) {
      literal_ += '"';
      flush();
      parts_.push_back(value);
      literal_ += '"';
    } else if (const Value::Array* items = value.as_array()) {
      literal_ += '[';
      for (const Value& item : *items) {
        if (&item != &items->front()) literal_ += ',';
        add(item);
      }
      literal_ += ']';
    } else if (const Value::Object* members = value.as_object()) {
      add_members(*members);
    } else {
      literal_ += doc::to_json(value);
    }
  }

  Value finish() {
    flush();
    return concat(std::move(parts_));
  }

 private:
  void add_members(const Value::Object& members) {
    literal_ += '{';
    bool first = true;
    for (const auto& [key, value] : members) {
      if (value.is_null()) continue;
      if (!first) literal_ += ',';
      first = false;
      literal_ += doc::to_json(key);
      literal_ += ':';
      add(value);
    }
    literal_ += '}';
  }

  void flush() {
    if (!literal_.empty()) parts_.emplace_back(std::move(literal_));
    literal_.clear();
  }

  std::string literal_;
  std::vector<Value> parts_;
};

std::string text_of_function(const cdk::Intrinsic& intrinsic) {
  const Value& argument = *intrinsic.argument;
  const Value::Array* items = argument.as_array();
  if (intrinsic.name == "Ref" && argument.is_string()) return "${" + *argument.as_string() + "}";
  if (intrinsic.name == "Fn::Sub")
    return text_for_people(items == nullptr ? argument : items->at(0));
  if (intrinsic.name == "Fn::Join" && items != nullptr && items->size() == 2) {
    const Value::Array* parts = items->at(1).as_array();
    if (parts != nullptr) {
      std::string text;
      for (const Value& part : *parts) {
        if (&part != &parts->front()) text += text_for_people(items->at(0));
        text += text_for_people(part);
      }
      return text;
    }
  }
  return "${" + std::string(intrinsic.name) + " " + text_for_people(argument) + "}";
}

}  // namespace

namespace pseudo {
Value account_id() {
  return pseudo_parameter("AWS::AccountId");
}
Value region() {
  return pseudo_parameter("AWS::Region");
}
Value partition() {
  return pseudo_parameter("AWS::Partition");
}
Value url_suffix() {
  return pseudo_parameter("AWS::URLSuffix");
}
Value stack_id() {
  return pseudo_parameter("AWS::StackId");
}
Value stack_name() {
  return pseudo_parameter("AWS::StackName");
}
Value notification_arns() {
  return pseudo_parameter("AWS::NotificationARNs");
}
Value no_value() {
  return pseudo_parameter("AWS::NoValue");
}
}  // namespace pseudo

Value fn_join(std::string_view delimiter, std::vector<Value> parts) {
  Value::Array flat;
  for (Value& part : parts) {
    if (const Value::Array* nested = parts_of_join(part, delimiter)) {
      for (const Value& inner : *nested)
        append_part(flat, inner, delimiter);
    } else {
      append_part(flat, std::move(part), delimiter);
    }
  }
  if (delimiter.empty()) std::erase(flat, Value(""));
  if (flat.empty()) return "";
  if (flat.size() == 1) return std::move(flat.front());
  return function("Fn::Join", Value::array({delimiter, std::move(flat)}));
}

Value concat(std::vector<Value> parts) {
  return fn_join("", std::move(parts));
}

Value fn_sub(std::string_view text, std::vector<Member> variables) {
  if (variables.empty()) return function("Fn::Sub", text);
  return function("Fn::Sub", Value::array({text, std::move(variables)}));
}

Value fn_select(std::int64_t index, Value list) {
  Value::Array* items = list.as_array();
  if (items != nullptr && index >= 0 && static_cast<std::size_t>(index) < items->size())
    return std::move((*items)[static_cast<std::size_t>(index)]);
  return function("Fn::Select", Value::array({index, std::move(list)}));
}

Value fn_split(std::string_view delimiter, Value text) {
  return function("Fn::Split", Value::array({delimiter, std::move(text)}));
}

Value fn_import_value(Value export_name) {
  return function("Fn::ImportValue", std::move(export_name));
}

Value fn_base64(Value text) {
  return function("Fn::Base64", std::move(text));
}

Value fn_get_azs(Value region) {
  return function("Fn::GetAZs", std::move(region));
}

Value fn_cidr(Value block, std::int64_t count, std::int64_t size_mask) {
  return function("Fn::Cidr", Value::array({std::move(block), count, size_mask}));
}

Value fn_find_in_map(Value map, Value first_key, Value second_key) {
  return function("Fn::FindInMap",
                  Value::array({std::move(map), std::move(first_key), std::move(second_key)}));
}

Value fn_if(const CfnCondition& condition, Value then, Value otherwise) {
  return function("Fn::If", Value::array({condition.logical_id_token(), std::move(then),
                                          std::move(otherwise)}));
}

Value fn_equals(Value left, Value right) {
  return function("Fn::Equals", Value::array({std::move(left), std::move(right)}));
}

Value fn_not(Value condition) {
  return function("Fn::Not", Value::array({std::move(condition)}));
}

Value fn_and(std::vector<Value> conditions) {
  return function("Fn::And", std::move(conditions));
}

Value fn_or(std::vector<Value> conditions) {
  return function("Fn::Or", std::move(conditions));
}

Value fn_condition(const CfnCondition& condition) {
  return function("Condition", condition.logical_id_token());
}

bool is_unresolved(const Value& value) {
  if (cdk::as_token(value) || cdk::as_intrinsic(value)) return true;
  if (const Value::Array* items = value.as_array())
    return std::any_of(items->begin(), items->end(), is_unresolved);
  if (const Value::Object* members = value.as_object()) {
    return std::any_of(members->begin(), members->end(),
                       [](const Member& member) { return is_unresolved(member.second); });
  }
  return false;
}

Value to_json_text(const Value& value) {
  JsonText text;
  text.add(value);
  return text.finish();
}

std::string text_for_people(const Value& value) {
  if (const auto token = cdk::as_token(value)) {
    std::string text = "${" + std::string(token->path);
    if (!token->attribute.empty()) text += "." + std::string(token->attribute);
    return text + "}";
  }
  if (const auto intrinsic = cdk::as_intrinsic(value)) return text_of_function(*intrinsic);
  if (const std::string* text = value.as_string()) return *text;
  if (const Value::Array* items = value.as_array()) {
    std::string text = "[";
    for (const Value& item : *items)
      text += (&item == &items->front() ? "" : ", ") + text_for_people(item);
    return text + "]";
  }
  if (const Value::Object* members = value.as_object()) {
    std::string text = "{";
    for (const Member& member : *members) {
      text += &member == &members->front() ? "" : ", ";
      text += member.first + ": " + text_for_people(member.second);
    }
    return text + "}";
  }
  return doc::to_json(value);
}

}  // namespace aphex
