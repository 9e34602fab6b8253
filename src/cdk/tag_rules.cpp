#include "cdk/tag_rules.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "cdk/members.hpp"
#include "cdk/tag_table.hpp"

namespace aphex::cdk {
namespace {

constexpr int kPriorityOfProperties = 50;

struct Candidate {
  std::string value;
  int priority = 0;
  bool removed = false;
};

bool contains(const std::vector<std::string>& types, std::string_view type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool applies(const TagRule& rule, std::string_view type) {
  const TagOptions& options = rule.options;
  return (options.include_types.empty() || contains(options.include_types, type)) &&
         !contains(options.exclude_types, type);
}

// The tags that a property holds already; nothing where it is made by a function or holds values
// that only deployment knows: such a property is left as it is.
std::optional<std::vector<Tag>> literal_tags(const Value& property) {
  std::vector<Tag> tags;
  if (const Value::Object* map = property.as_object()) {
    for (const auto& [key, value] : *map) {
      if (!value.is_string()) return std::nullopt;
      tags.push_back({.key = key, .value = *value.as_string()});
    }
    return tags;
  }
  const Value::Array* items = property.as_array();
  if (items == nullptr) return std::nullopt;
  for (const Value& item : *items) {
    const Value* key = item.find("Key");
    const Value* value = item.find("Value");
    if (key == nullptr || value == nullptr || !key->is_string() || !value->is_string())
      return std::nullopt;
    tags.push_back({.key = *key->as_string(), .value = *value->as_string()});
  }
  return tags;
}

Value render(const std::vector<Tag>& tags, TagForm form) {
  Value::Array list;
  Value::Object map;
  for (const Tag& tag : tags) {
    if (form == TagForm::map) {
      map.emplace_back(tag.key, tag.value);
      continue;
    }
    Value item = members("Key", tag.key, "Value", tag.value);
    if (form == TagForm::launch) item.set("PropagateAtLaunch", true);
    list.push_back(std::move(item));
  }
  return form == TagForm::map ? Value(std::move(map)) : Value(std::move(list));
}

}  // namespace

std::vector<Tag> effective_tags(const TagRules& rules, std::string_view type,
                                const std::vector<Tag>& initial) {
  std::map<std::string, Candidate> candidates;
  for (const Tag& tag : initial)
    candidates[tag.key] = {.value = tag.value, .priority = kPriorityOfProperties, .removed = false};
  for (const TagRule* rule : rules) {
    if (!applies(*rule, type)) continue;
    const auto [known, fresh] = candidates.try_emplace(rule->key);
    if (!fresh && known->second.priority > rule->options.priority) continue;
    known->second = {.value = rule->value,
                     .priority = rule->options.priority,
                     .removed = rule->action == TagRule::Action::remove};
  }
  std::vector<Tag> tags;
  for (const auto& [key, candidate] : candidates) {
    if (!candidate.removed) tags.push_back({.key = key, .value = candidate.value});
  }
  return tags;
}

std::size_t apply_tags(const TagRules& rules, std::string_view type, Value& properties) {
  const TagProperty* property = rules.empty() ? nullptr : find_tag_property(type);
  if (property == nullptr) return 0;
  std::vector<Tag> initial;
  if (const Value* existing = properties.find(property->name)) {
    std::optional<std::vector<Tag>> literal = literal_tags(*existing);
    if (!literal) return 0;
    initial = std::move(*literal);
  }
  const std::vector<Tag> tags = effective_tags(rules, type, initial);
  if (tags.empty()) {
    // null leaves the property out.
    if (!initial.empty()) properties.set(std::string(property->name), nullptr);
    return 0;
  }
  properties.set(std::string(property->name), render(tags, property->form));
  return tags.size();
}

}  // namespace aphex::cdk
