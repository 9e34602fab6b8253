#pragma once
// Credentials that something on this machine hands out: a container's agent, instance metadata, a
// program (credential_process).

#include <string>

#include "aws/credentials.hpp"

namespace aphex::aws {

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI is set (ECS, EKS Pod Identity).
bool has_container_credentials(const os::EnvironmentVariables& environment);
// `base` needs no credentials. The authorization token's file is read anew each time.
Result<Credentials> fetch_container_credentials(const AwsContext& base,
                                                const os::CancelToken& cancel);

// AWS_EC2_METADATA_DISABLED is not "true".
bool may_ask_instance_metadata(const os::EnvironmentVariables& environment);
// IMDSv2 with short timeouts; unavailable where nothing answers.
Result<Credentials> fetch_instance_credentials(const AwsContext& base,
                                               const os::CancelToken& cancel);

struct CredentialProcess {
  std::string command;  // as the profile has it, for /bin/sh
  std::string profile;  // for messages
};
Result<Credentials> run_credential_process(os::ProcessRunner& processes,
                                           const CredentialProcess& process,
                                           const os::EnvironmentVariables& environment,
                                           const os::CancelToken& cancel);

}  // namespace aphex::aws
