#pragma once
// How the pipeline reaches an environment's account: through the roles that `cdk bootstrap` made.
// Names as in the CDK's bootstrap template, version 6 and later.

#include <string>
#include <string_view>

#include "aws/credentials.hpp"
#include "aws/services.hpp"
#include "base/result.hpp"
#include "plan/plan.hpp"

namespace aphex::engine {

// Of the bootstrap stack; older ones lack what today's synthesizer expects.
inline constexpr int kMinBootstrapVersion = 6;

// An environment as access to it is concerned.
struct AccessTarget {
  std::string name;
  std::string account;
  std::string region;
  std::string qualifier;
};
AccessTarget access_target(const plan::Plan& plan, std::size_t environment);

std::string deploy_role_arn(const AccessTarget& target);
std::string bootstrap_version_parameter(const AccessTarget& target);
// The command that bootstraps the target, trusting `pipeline_account` where that is another one.
std::string bootstrap_command(const AccessTarget& target, const std::string& pipeline_account);

// The base context with the credentials of the target's deploy role: for our own calls to
// CloudFormation and SSM. The CDK CLI keeps the base ones, since it assumes four roles itself and
// the deploy role may not write assets.
aws::AwsContext environment_context(const aws::AwsContext& base, const AccessTarget& target);

struct AccessReport {
  aws::CallerIdentity caller;
  int bootstrap_version = 0;
};

// Who we are, whether the deploy role lets us in, and how old the bootstrap is; each failure with
// the role, the account, the caller and what mends it.
Result<AccessReport> check_environment_access(const aws::AwsContext& base,
                                              const AccessTarget& target,
                                              const os::CancelToken& cancel);

// Whether a message of AWS or of a program says that the session is over.
bool says_expired(std::string_view message);

}  // namespace aphex::engine
