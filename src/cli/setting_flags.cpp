#include "cli/setting_flags.hpp"

#include "base/text.hpp"
#include "pipeline/setting_table.hpp"

namespace aphex::cli {
namespace {

std::string value_name(const config::Shape& shape) {
  switch (shape.kind) {
    case config::ShapeKind::integer:
      return "NUMBER";
    case config::ShapeKind::boolean:
      return "true|false";
    case config::ShapeKind::list:
      return "A,B";
    case config::ShapeKind::record:
    case config::ShapeKind::dictionary:
      return "KEY=VALUE,…";
    case config::ShapeKind::text:
      break;
  }
  std::vector<std::string> choices;
  for (const std::string_view choice : shape.text->choices)
    choices.emplace_back(choice);
  return choices.empty() ? "TEXT" : join(choices, "|");
}

std::string help_of(const pipeline::SettingInfo& setting) {
  std::string help(setting.description);
  if (!setting.default_json.empty() && setting.default_json != "{}") {
    help += " Default: " + std::string(setting.default_json) + ".";
  }
  return help;
}

// The setting of a context key; null where there is none.
const pipeline::SettingInfo* setting_of(std::string_view key) {
  if (key.starts_with(pipeline::kContextPrefix)) key.remove_prefix(pipeline::kContextPrefix.size());
  return pipeline::find_setting(key);
}

Problem no_setting(const std::string& pair, const std::string& key) {
  std::vector<std::string> known;
  for (const pipeline::SettingInfo& each : pipeline::setting_table())
    known.push_back(each.context_key);
  const auto match = closest_match(key, known);
  return {
      .path = {},
      .message = "-c " + pair + ": '" + key + "' is no setting",
      .hint = match ? "did you mean " + *match + "?" : "'aphex synth --help' lists the settings"};
}

}  // namespace

void SettingFlags::declare(Arguments& arguments) {
  std::string unused;
  Argument& context = arguments.option(
      "-c,--context", "KEY=VALUE", unused,
      "a setting as CDK context, for example clusterName=arbiter; may be repeated");
  context.occurs = Occurs::many;
  context.assign = [this](std::string pair) { context_.push_back(std::move(pair)); };
  for (const pipeline::SettingInfo& setting : pipeline::setting_table()) {
    Argument& flag =
        arguments.option(setting.flag, value_name(*setting.shape), unused, help_of(setting));
    flag.assign = [this, key = setting.key](std::string value) { flags_[key] = std::move(value); };
  }
}

std::vector<Problem> SettingFlags::set_context(Construct& scope) const {
  std::vector<Problem> problems;
  for (const std::string& pair : context_) {
    const std::size_t at = pair.find('=');
    if (at == std::string::npos || at == 0) {
      problems.push_back({.path = {},
                          .message = "-c " + pair + " is no KEY=VALUE",
                          .hint = "for example -c clusterName=arbiter"});
      continue;
    }
    const std::string key = pair.substr(0, at);
    const pipeline::SettingInfo* setting = setting_of(key);
    if (setting == nullptr) {
      problems.push_back(no_setting(pair, key));
      continue;
    }
    // Only settings can be given here, so that a common word needs no prefix.
    scope.node().set_context(std::string(pipeline::kContextPrefix) + setting->key,
                             pair.substr(at + 1));
  }
  return problems;
}

}  // namespace aphex::cli
