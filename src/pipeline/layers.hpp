#pragma once
// Where settings come from, and which of them stands: a later layer wins, and a wrong value is
// reported whichever layer it is in.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aphex/value.hpp"
#include "pipeline/setting_table.hpp"

namespace aphex::pipeline {

enum class LayerKind { code, file, context, environment, flags };

// Values by the setting's key. Texts of the environment, of flags and of context given on a
// command line are read as the setting's shape wants: "30", "true", "a=b,c=d", or JSON.
struct Layer {
  LayerKind kind = LayerKind::code;
  std::map<std::string, Value, std::less<>> values = {};
  std::string place = {};  // the file that it is from, where the kind alone does not tell: cdk.json
};

// A wrong setting, in words.
struct SettingProblem {
  std::string message;  // one sentence without a full stop
  std::string hint;     // what mends it
  friend bool operator==(const SettingProblem&, const SettingProblem&) = default;
};

// "the program", "pipeline.clusterName of aphex-config.yaml", "context clusterName",
// "APHEX_CLUSTER_NAME", "--cluster-name"; "context clusterName of cdk.json" with a place.
std::string source_name(LayerKind kind, const SettingInfo& setting, const std::string& place = {});

// The leaves of an object that is written as the `pipeline:` block: {"webhook": {"host": …}} gives
// "webhook.host". Keys that are no settings are left out.
Layer layer_of(LayerKind kind, const Value& object);
// Of context as the cdk command line has it: {"clusterName": …, "aphex:name": …,
// "webhook.host": …}. Where a key stands with and without the prefix, the one with it counts.
Layer context_layer(const Value& context);
// From a list of the environment's variables those that name settings; an empty one counts as not
// set.
Layer environment_layer(const std::map<std::string, std::string>& variables);

// The value that stands for each setting, and who said it.
class Chosen {
 public:
  struct Entry {
    Value value;
    LayerKind from = LayerKind::code;
    std::string place = {};
  };

  // Null where no layer has the setting and it has no default.
  const Value* find(std::string_view key) const;
  std::string text(std::string_view key) const;  // empty where it is not set
  // Null where it is the default.
  const Entry* entry(std::string_view key) const;
  // For messages: the source's name, or "the default".
  std::string said_by(std::string_view key) const;
  void set(const std::string& key, Entry entry) { entries_[key] = std::move(entry); }
  void set_default(const std::string& key, Value value) { defaults_[key] = std::move(value); }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, Value, std::less<>> defaults_;
};

struct Choice {
  Chosen chosen;
  std::vector<SettingProblem> problems;
};
// `layers` in order: later ones win.
Choice choose(const std::vector<Layer>& layers);

}  // namespace aphex::pipeline
