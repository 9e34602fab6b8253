#pragma once
// What `aphex synth` and `aphex manifests` have in common: a configuration and settings become the
// definition of a pipeline.

#include <string>

#include "aphex/app.hpp"
#include "aphex/pipeline_stack.hpp"
#include "cli/setting_flags.hpp"
#include "cli/terminal.hpp"

namespace aphex::cli {

enum class Provider { needed, not_needed };

class PipelineRequest {
 public:
  void declare(Arguments& arguments, Provider provider);
  // Nothing where the configuration or a setting is wrong: everything that is wrong has been said.
  Result<std::optional<PipelineDefinition>> define(App& app, const Terminal& terminal) const;

 private:
  std::string file_;
  std::string provider_zip_;
  Provider provider_ = Provider::not_needed;
  SettingFlags settings_;
};

// "error: …" with its hint, one after the other.
void show_problems(const std::vector<Problem>& problems, const Terminal& terminal);

}  // namespace aphex::cli
