// json_schema(): the table of the schema as JSON Schema, draft 2020-12.
#include "config/json_schema.hpp"

#include "config/config.hpp"
#include "config/regions.hpp"
#include "config/schema.hpp"

namespace aphex::config {
namespace {

using doc::Value;

Value strings(std::span<const std::string_view> texts) {
  Value list = Value::array();
  for (const std::string_view text : texts)
    list.push_back(text);
  return list;
}

Value text_schema(const TextRule& rule) {
  Value schema = Value::object();
  schema.set("type", "string");
  if (rule.id == RuleId::version) {
    schema.set("enum", strings(rule.examples));
    return schema;
  }
  if (!rule.choices.empty()) {
    schema.set("enum", strings(rule.choices));
  } else {
    schema.set("pattern", rule.pattern);
    if (rule.max_length > 0) {
      schema.set("maxLength", static_cast<std::int64_t>(rule.max_length));
    }
  }
  if (!rule.examples.empty()) schema.set("examples", strings(rule.examples));
  return schema;
}

Value integer_schema(const Shape& shape) {
  Value schema = Value::object({{"type", "integer"}});
  if (shape.allowed.empty()) {
    schema.set("minimum", shape.least);
    schema.set("maximum", shape.most);
    return schema;
  }
  Value allowed = Value::array();
  for (const std::int64_t number : shape.allowed)
    allowed.push_back(number);
  schema.set("enum", std::move(allowed));
  return schema;
}

Value record_schema(const Shape& shape) {
  Value schema = Value::object({{"type", "object"}, {"title", shape.title}});
  Value required = Value::array();
  Value properties = Value::object();
  for (const Field& field : shape.fields) {
    if (field.presence == Presence::required) required.push_back(field.key);
    Value property = to_schema(*field.shape);
    property.set("description", field.description);
    if (!field.default_json.empty()) {
      if (auto value = doc::parse_json(field.default_json)) {
        property.set("default", std::move(*value));
      }
    }
    properties.set(std::string(field.key), std::move(property));
  }
  if (!required.as_array()->empty()) schema.set("required", std::move(required));
  schema.set("properties", std::move(properties));
  schema.set("additionalProperties", false);
  return schema;
}

}  // namespace

Value to_schema(const Shape& shape) {
  switch (shape.kind) {
    case ShapeKind::text:
      return text_schema(*shape.text);
    case ShapeKind::integer:
      return integer_schema(shape);
    case ShapeKind::boolean:
      return Value::object({{"type", "boolean"}});
    case ShapeKind::list: {
      Value schema = Value::object({{"type", "array"}});
      if (shape.item != nullptr) schema.set("items", to_schema(*shape.item));
      if (!shape.needs.empty()) schema.set("minItems", 1);
      return schema;
    }
    case ShapeKind::record:
      return record_schema(shape);
    case ShapeKind::dictionary:
      return Value::object({{"type", "object"},
                            {"title", shape.title},
                            {"propertyNames", text_schema(*shape.text)},
                            {"additionalProperties", to_schema(*shape.item)}});
  }
  return {};
}

namespace {

Value nest(std::string_view key, Value inner) {
  return Value::object({{"properties", Value::object({{std::string(key), std::move(inner)}})}});
}

// Regions are those of the list, unless pipeline.additionalRegions names more.
void add_region_rule(Value& schema) {
  Value names = Value::array();
  for (const Region& region : known_regions())
    names.push_back(region.name);
  Value more = nest("pipeline", Value::object({{"required", Value::array({"additionalRegions"})}}));
  more.set("required", Value::array({"pipeline"}));
  schema.set("if", std::move(more));
  Value item = nest("region", Value::object({{"enum", std::move(names)}}));
  schema.set("else", nest("environments", Value::object({{"items", std::move(item)}})));
}

}  // namespace

doc::Value json_schema() {
  Value schema = Value::object({{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                                {"$id", "urn:aphex:config:1.0"}});
  const Value root = record_schema(root_shape());
  for (const doc::Member& member : *root.as_object())
    schema.set(member.first, member.second);
  schema.set("description",
             "aphex-config.yaml: what a pipeline builds, where it deploys, how it tests.");
  schema.set("patternProperties", Value::object({{"^x-", true}}));
  add_region_rule(schema);
  return schema;
}

}  // namespace aphex::config
