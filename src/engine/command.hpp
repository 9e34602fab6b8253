#pragma once
// Programs that steps start: with the step's environment, logged line by line, ended with the step.

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/step.hpp"

namespace aphex::engine {

struct Command {
  std::vector<std::string> argv;
  std::filesystem::path working_directory;
  os::EnvironmentVariables environment;
  std::string source;                    // see StepLog::output
  std::chrono::milliseconds timeout{0};  // 0: the stage's own bound only
  // Also sees every line, before it is masked. May be empty.
  std::function<void(os::Stream, std::string_view)> on_line;
  // Whether a line is worth logging, asked in their order. Empty: every line is.
  std::function<bool(std::string_view)> shows;
};

// An Error where it did not start, was cancelled or timed out. An exit code is the caller's to
// judge.
Result<os::ProcessExit> run_logged(StepContext& context, Command command);

// The services' environment with what every command may rely on: CI, APHEX_RUN_DIR,
// APHEX_COMMIT_SHA, APHEX_BRANCH, APHEX_AUTHOR, APHEX_MESSAGE, APHEX_REPOSITORY_URL,
// APHEX_PIPELINE, APHEX_STAGE, and APHEX_BRANCH_ID where the
// branch has a pipeline of its own.
os::EnvironmentVariables command_environment(const StepContext& context);

// … and of one environment: APHEX_ENVIRONMENT, AWS_REGION, AWS_DEFAULT_REGION,
// CDK_DEFAULT_ACCOUNT, CDK_DEFAULT_REGION.
os::EnvironmentVariables command_environment(const StepContext& context,
                                             const plan::Environment& environment);

}  // namespace aphex::engine
