#pragma once
// What deployed stacks give to the tests behind them.
//
// outputs/<environment>.json: {"<configured stack>": {"<output>": "<value>"}}, stacks in the order
// of aphex-config.yaml, outputs sorted. The same bytes are the artifact
// <artifact prefix>/outputs/<environment>.json.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/run_paths.hpp"
#include "os/process.hpp"

namespace aphex::engine {

struct StackOutputs {
  std::string stack;  // as configured
  std::map<std::string, std::string> values;
  friend bool operator==(const StackOutputs&, const StackOutputs&) = default;
};
using Outputs = std::vector<StackOutputs>;

Result<Outputs> parse_outputs(std::string_view json, const std::string& name);
Result<Outputs> read_outputs(const std::filesystem::path& file);
std::string outputs_json(const Outputs& outputs);

// What `cdk deploy --outputs-file` wrote for the stack with this physical name; no values where
// the file leaves the stack out, as it does with a stack without outputs.
Result<std::map<std::string, std::string>> read_cdk_outputs(const std::filesystem::path& file,
                                                            const std::string& physical_name);

// Where one stack's outputs are kept until all are merged.
std::filesystem::path stack_outputs_file(const RunPaths& paths, const std::string& environment,
                                         const std::string& stack);
// Where they are in the artifact store.
std::string outputs_key(const std::string& artifact_prefix, const std::string& environment);

// A stack's or environment's name as one part of a file name.
std::string file_name_for(std::string_view name);

struct OutputVariables {
  os::EnvironmentVariables variables;
  std::vector<std::string> notes;  // names that two outputs share, outputs left out
};
// APHEX_OUTPUT_<STACK>_<KEY>, upper case, whatever is no letter or digit as '_'. Where two outputs
// get one name, the one later in the file stands.
OutputVariables output_variables(const Outputs& outputs);

// APHEX_OUTPUTS_FILE and the variables above, for the commands of an environment.
Result<os::EnvironmentVariables> output_variables(const std::filesystem::path& file);

}  // namespace aphex::engine
