#pragma once
// `aphex init`: writes aphex-config.yaml for a CDK application that is already there.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/assembly.hpp"
#include "os/cancel.hpp"
#include "os/process.hpp"

namespace aphex::engine {

// What is known of an application; everything in the file comes from here.
struct AppFacts {
  Assembly assembly;
  std::map<std::string, std::string> stack_files;  // AssemblyStack::name → TypeScript file
  std::vector<std::string> build_commands;         // never empty
  std::vector<std::string> test_commands;          // of every environment; may be empty
  std::string environment_name = "dev";            // where stack names do not tell
  std::string region;  // where the application leaves it open; may be empty
};

struct InitialConfig {
  std::string text;                // of aphex-config.yaml
  std::vector<std::string> notes;  // what a person should look at
};

// Pure. Stacks are grouped into environments by stage, by well-known words in their names, by
// account and region.
InitialConfig initial_config(const AppFacts& facts);

struct InitRequest {
  std::filesystem::path repository;  // its root, with cdk.json
  os::ProcessRunner& processes;
  os::EnvironmentVariables environment;
  // Given to the application as `-c environment=…`, as every run of the pipeline does.
  std::string environment_name = "dev";
  std::function<void(std::string_view)> on_line;  // progress and the CDK's output; may be empty
};

// Synthesizes the application into a temporary directory and reads what it finds. Nothing in the
// repository is changed.
Result<InitialConfig> make_initial_config(const InitRequest& request,
                                          const os::CancelToken& cancel);

}  // namespace aphex::engine
