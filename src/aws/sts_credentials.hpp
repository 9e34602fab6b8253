#pragma once
// Credentials from STS: AssumeRole and AssumeRoleWithWebIdentity.

#include <filesystem>
#include <memory>
#include <string>

#include "aws/credentials.hpp"

namespace aphex::aws {

Result<Credentials> assume_role(const AwsContext& base, const AssumeRole& role,
                                const os::CancelToken& cancel);

struct WebIdentity {
  std::string role_arn;
  std::string session_name = "aphex";
  std::string region;
  std::filesystem::path token_file;  // read anew each time: it rotates
};
// `base` needs no credentials: the token is the proof.
Result<Credentials> assume_role_with_web_identity(const AwsContext& base,
                                                  const WebIdentity& identity,
                                                  const os::CancelToken& cancel);

}  // namespace aphex::aws
