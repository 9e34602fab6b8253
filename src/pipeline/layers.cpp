#include "pipeline/layers.hpp"

#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/config.hpp"
#include "doc/value.hpp"
#include "pipeline/setting_values.hpp"

namespace aphex::pipeline {
namespace {

// By a path "webhook.host" through objects.
const Value* value_at(const Value& object, std::string_view path) {
  const Value* at = &object;
  for (const std::string& part : split(path, '.')) {
    at = at->find(part);
    if (at == nullptr) return nullptr;
  }
  return at;
}

const Value* context_value(const Value& context, const std::string& key) {
  if (const Value* whole = context.find(key)) return whole;
  return value_at(context, key);
}

std::vector<std::string> texts_of(const SettingInfo& setting) {
  std::vector<std::string> texts;
  if (setting.shape->text == nullptr) return texts;
  for (const std::string_view example : setting.shape->text->examples)
    texts.emplace_back(example);
  return texts;
}

SettingProblem wrong_value(const Layer& layer, const SettingInfo& setting,
                           const std::string& what) {
  const std::string source = source_name(layer.kind, setting, layer.place);
  const std::vector<std::string> examples = texts_of(setting);
  return {fmt::format("{}: {} {}", source, setting.key, what),
          examples.empty() ? "correct or remove " + source : "for example " + join(examples, ", ")};
}

}  // namespace

std::string source_name(LayerKind kind, const SettingInfo& setting, const std::string& place) {
  switch (kind) {
    case LayerKind::code:
      return "the program";
    case LayerKind::file:
      return "pipeline." + setting.key + " of the configuration";
    case LayerKind::context:
      return "context " + setting.context_key + (place.empty() ? "" : " of " + place);
    case LayerKind::environment:
      return setting.variable;
    case LayerKind::flags:
      return setting.flag;
  }
  return {};
}

Layer layer_of(LayerKind kind, const Value& object) {
  Layer layer{.kind = kind};
  for (const SettingInfo& setting : setting_table()) {
    const Value* value = value_at(object, setting.key);
    if (value != nullptr && !value->is_null()) layer.values.emplace(setting.key, *value);
  }
  return layer;
}

Layer context_layer(const Value& context) {
  Layer layer{.kind = LayerKind::context};
  for (const SettingInfo& setting : setting_table()) {
    const std::string prefixed = std::string(kContextPrefix) + setting.key;
    const Value* value = context_value(context, prefixed);
    if (value == nullptr && setting.context_key == setting.key) {
      value = context_value(context, setting.key);
    }
    if (value != nullptr && !value->is_null()) layer.values.emplace(setting.key, *value);
  }
  return layer;
}

Layer environment_layer(const std::map<std::string, std::string>& variables) {
  Layer layer{.kind = LayerKind::environment};
  for (const SettingInfo& setting : setting_table()) {
    const auto found = variables.find(setting.variable);
    if (found != variables.end() && !found->second.empty()) {
      layer.values.emplace(setting.key, found->second);
    }
  }
  return layer;
}

const Value* Chosen::find(std::string_view key) const {
  if (const auto found = entries_.find(key); found != entries_.end()) return &found->second.value;
  const auto found = defaults_.find(key);
  return found == defaults_.end() ? nullptr : &found->second;
}

std::string Chosen::text(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->is_string() ? *value->as_string() : std::string();
}

const Chosen::Entry* Chosen::entry(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::string Chosen::said_by(std::string_view key) const {
  const Entry* said = entry(key);
  const SettingInfo* setting = find_setting(key);
  return said == nullptr || setting == nullptr ? "the default"
                                               : source_name(said->from, *setting, said->place);
}

Choice choose(const std::vector<Layer>& layers) {
  Choice choice;
  for (const SettingInfo& setting : setting_table()) {
    if (!setting.default_json.empty()) {
      if (auto value = doc::parse_json(setting.default_json)) {
        choice.chosen.set_default(setting.key, std::move(*value));
      }
    }
    for (const Layer& layer : layers) {
      const auto found = layer.values.find(setting.key);
      if (found == layer.values.end()) continue;
      Result<Value> value = read_setting(*setting.shape, found->second);
      if (value) {
        choice.chosen.set(setting.key, {std::move(*value), layer.kind, layer.place});
      } else {
        choice.problems.push_back(wrong_value(layer, setting, value.error().message));
      }
    }
  }
  return choice;
}

}  // namespace aphex::pipeline
