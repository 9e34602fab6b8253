#pragma once
// What `aphex synth` and `aphex manifests` have in common: a configuration and settings become the
// definition of a pipeline.

#include <string>
#include <variant>

#include "aphex/app.hpp"
#include "aphex/pipeline_stack.hpp"
#include "cli/exit_code.hpp"
#include "cli/setting_flags.hpp"
#include "cli/terminal.hpp"

namespace aphex::cli {

enum class Provider { needed, not_needed };

// A definition; or the exit code, where everything that is wrong has been said.
using Defined = std::variant<PipelineDefinition, ExitCode>;

class PipelineRequest {
 public:
  // `provider`: whether the command ever needs the archive of the provider's function.
  void declare(Arguments& arguments, Provider provider);
  // Where the archive is not needed, the definition names one that is nowhere: its assembly is for
  // looking at.
  Result<Defined> define(App& app, const Terminal& terminal, Provider provider) const;

 private:
  std::string file_;
  std::string provider_zip_;
  SettingFlags settings_;
};

// "error: …" with its hint, one after the other.
void show_problems(const std::vector<Problem>& problems, const Terminal& terminal);

}  // namespace aphex::cli
