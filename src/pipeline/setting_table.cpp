#include "pipeline/setting_table.hpp"

#include <algorithm>
#include <array>

namespace aphex::pipeline {
namespace {

// Of the plan, not of the stack: only the configuration file says them.
constexpr std::array<std::string_view, 4> kOfThePlan{"onChange", "maxParallelStacks",
                                                     "artifactStore", "additionalRegions"};
// Applications have context of these names.
constexpr std::array<std::string_view, 8> kCommonWords{
    "name", "account", "region", "stackName", "images", "resources", "webhook", "namespace"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "webhook.certificateArn" → "webhook<separator>certificate<separator>arn", by `change` in case.
std::string words_of(std::string_view key, char separator, char (*change)(char)) {
  std::string text;
  for (const char c : key) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (c == '.') {
      text += separator;
      continue;
    }
    if (upper) text += separator;
    text += change(c);
  }
  return text;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

void add(std::vector<SettingInfo>& table, std::string_view prefix, const config::Field& field) {
  const std::string key = std::string(prefix) + std::string(field.key);
  if (field.shape->kind == config::ShapeKind::record) {
    for (const config::Field& inner : field.shape->fields)
      add(table, key + ".", inner);
    return;
  }
  const std::string_view first = std::string_view(key).substr(0, key.find('.'));
  table.push_back(
      {.key = key,
       .flag = "--" + words_of(key, '-', lower),
       .variable = "APHEX_" + words_of(key, '_', upper),
       .context_key = is_one_of(kCommonWords, first) ? std::string(kContextPrefix) + key : key,
       .shape = field.shape,
       .description = field.description,
       .default_json = field.default_json});
}

std::vector<SettingInfo> make_table() {
  std::vector<SettingInfo> table;
  for (const config::Field& field : config::pipeline_shape().fields) {
    if (!is_one_of(kOfThePlan, field.key)) add(table, "", field);
  }
  return table;
}

}  // namespace

const std::vector<SettingInfo>& setting_table() {
  static const std::vector<SettingInfo> kTable = make_table();
  return kTable;
}

const SettingInfo* find_setting(std::string_view key) {
  const auto& table = setting_table();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const SettingInfo& setting) { return setting.key == key; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace aphex::pipeline
