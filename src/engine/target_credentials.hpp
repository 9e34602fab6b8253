#pragma once
// An environment's credentials for the user's own commands (tests, hooks), for as long as one
// command runs.
//
// In the account that we are in already, commands use what we use. For another account they get an
// AWS configuration whose credential_process is `aphex credentials <grant>`: every SDK and tool
// asks it again when a session ends, and nothing is exported into the command's environment.
//
// The grant (mode 0600, removed with the object) is JSON:
// {"version": 1, "roleArn", "region", "environment": {the AWS_… variables that we have}}

#include <filesystem>
#include <optional>
#include <string>

#include "engine/step.hpp"
#include "os/files.hpp"

namespace aphex::engine {

class TargetCredentials {
 public:
  // For Plan::environments[environment].
  static Result<TargetCredentials> grant(StepContext& context, std::size_t environment);
  void apply_to(os::EnvironmentVariables& variables) const;

 private:
  explicit TargetCredentials(std::optional<os::TemporaryDirectory> directory)
      : directory_(std::move(directory)) {}
  std::optional<os::TemporaryDirectory> directory_;  // nothing: our own credentials will do
};

// What credential_process prints, as the AWS documentation on "sourcing credentials with an
// external process" has it, version 1.
Result<std::string> credentials_from_grant(const std::filesystem::path& grant,
                                           os::EnvironmentVariables environment,
                                           const os::CancelToken& cancel);

}  // namespace aphex::engine
