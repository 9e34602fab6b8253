#pragma once
// Where the parts of aphex lie that are not in its binary: the sandbox's Python code, an
// interpreter that has its requirements, and the CDK command line.

#include <filesystem>

#include "base/result.hpp"
#include "engine/run_paths.hpp"
#include "os/process.hpp"

namespace aphex::engine {

// The directory that holds the Python package aphex_sandbox and its requirements.txt:
// $APHEX_SANDBOX_PACKAGE, else of the source tree that this program was built in, else
// <prefix>/share/aphex/sandbox.
Result<std::filesystem::path> find_sandbox_package(const os::EnvironmentVariables& environment);

// $APHEX_SANDBOX_PYTHON, else .venv of the source tree, else <state>/sandbox/venv. The error's
// hint says how to make the last one.
Result<std::filesystem::path> find_sandbox_python(const os::EnvironmentVariables& environment,
                                                  const StatePaths& paths);

// A node_modules with the AWS SDK for JavaScript, which Lambda's own runtime brings and functions
// in the sandbox therefore expect: $APHEX_SANDBOX_NODE_PATH, else of the source tree. Empty where
// there is none: functions that import the SDK then answer with an error that says so.
std::filesystem::path find_sandbox_node_modules(const os::EnvironmentVariables& environment);

// What bootstraps the sandbox: node_modules/.bin/cdk of the application, as for its deployments
// (see cdk_cli.hpp), else $APHEX_CDK, else node_modules/.bin/cdk of the source tree, else `cdk` in
// PATH. An empty application is none.
Result<std::filesystem::path> find_bootstrap_cdk(const os::EnvironmentVariables& environment,
                                                 const std::filesystem::path& application);

}  // namespace aphex::engine
