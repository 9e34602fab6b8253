#pragma once
// The GitHub token, and for whom it is: the configured repository and nobody else. git gets it by
// its own credential mechanism (git-credential(1)) from `aphex git-credential`, so that it stands
// in no argument, address, log or .git/config.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/process.hpp"

namespace aphex::stage {

// Where the pipeline's repositories live.
inline constexpr std::string_view kGitHubHost = "github.com";

// What git asks a helper: "protocol=https\nhost=github.com\npath=acme/app.git\n".
struct CredentialRequest {
  std::string protocol;
  std::string host;
  std::string path;
};
CredentialRequest parse_credential_request(std::string_view text);

// Whether the token of `repository` (owner/name) may be sent there.
bool is_for(const CredentialRequest& request, std::string_view repository);

// What the helper prints: nothing for any other repository, and where there is no token.
std::string credential_answer(std::string_view request,
                              const os::EnvironmentVariables& environment);

// The token's text; empty where none is configured or the Secret is not there yet.
std::string read_token(const os::EnvironmentVariables& environment);

// Makes git ask us, and no helper that a configuration file names.
void use_credential_helper(os::EnvironmentVariables& environment,
                           const std::filesystem::path& program);

}  // namespace aphex::stage
