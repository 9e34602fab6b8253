#pragma once
// The CDK's command line (npm's aws-cdk): where it is, what it is told, what it runs in.
// Flags and behaviour as of 2.1148.

#include <compare>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/cancel.hpp"
#include "os/process.hpp"
#include "plan/plan.hpp"

namespace aphex::engine {

struct ToolVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  friend auto operator<=>(const ToolVersion&, const ToolVersion&) = default;
};
// The first "1.2.3" or "v1.2.3" in a text: "2.1148.1 (build fcf5e34)", "v20.20.2", "git
// version 2.39.5".
std::optional<ToolVersion> parse_version(std::string_view text);
std::string to_string(const ToolVersion& version);

// The CLI left the library's version numbers behind with 2.1000; older ones lack --no-notices
// or read no assembly that a current aws-cdk-lib writes.
inline constexpr ToolVersion kOldestCdk{2, 1000, 0};

struct CdkCli {
  std::filesystem::path program;
  ToolVersion version;
  std::string warning;  // what is doubtful about this version; may be empty
};

struct CdkSearch {
  os::ProcessRunner& processes;
  const os::EnvironmentVariables& environment;
  std::filesystem::path working_copy;
};

// The application's own (node_modules/.bin/cdk), else $APHEX_CDK, else `cdk` in PATH.
// not_found with how to install it; unsupported where it is older than kOldestCdk.
Result<CdkCli> find_cdk(const CdkSearch& search, const os::CancelToken& cancel);

// How the CLI is to be run: quiet, without colour or questions, and by what we say alone.
os::EnvironmentVariables cdk_environment(os::EnvironmentVariables environment);

// The command that starts the application of `directory` with this environment's account and
// region as CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION. The CLI sets both from its own credentials,
// which are the pipeline's, so they have to be set again behind it. Nothing where cdk.json names
// no command: the CLI then finds the application its own way.
std::optional<std::string> app_command(const std::filesystem::path& directory,
                                       const plan::Environment& environment);

struct SynthArguments {
  const plan::Environment& environment;
  std::filesystem::path output;
  std::optional<std::string> app;  // see app_command()
  std::string branch_id{};         // of a branch with a pipeline of its own; else empty
};
std::vector<std::string> synth_arguments(const CdkCli& cli, const SynthArguments& arguments);

struct DeployArguments {
  std::string stack;  // AssemblyStack::name
  std::filesystem::path assembly;
  std::filesystem::path outputs_file;
};
std::vector<std::string> deploy_arguments(const CdkCli& cli, const DeployArguments& arguments);

}  // namespace aphex::engine
