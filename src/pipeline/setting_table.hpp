#pragma once
// Every setting of the pipeline's own stack, and what it is called in each place that can set it.
// The keys, their shapes and their words are those of the `pipeline:` block (config/schema.hpp).

#include <string>
#include <string_view>
#include <vector>

#include "config/schema.hpp"

namespace aphex::pipeline {

struct SettingInfo {
  std::string key;          // "webhook.host"
  std::string flag;         // "--webhook-host"
  std::string variable;     // "APHEX_WEBHOOK_HOST"
  std::string context_key;  // "webhook.host"; "aphex:name" where applications use the plain word
  const config::Shape* shape = nullptr;
  std::string_view description;
  std::string_view default_json;  // empty: none, or derived from other settings
};

// Before every context key, and needed before words that an application may use for itself.
inline constexpr std::string_view kContextPrefix = "aphex:";

// In the order of the schema.
const std::vector<SettingInfo>& setting_table();
const SettingInfo* find_setting(std::string_view key);  // null where there is none

}  // namespace aphex::pipeline
