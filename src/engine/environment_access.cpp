#include "engine/environment_access.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "aws/s3.hpp"
#include "aws/service_error.hpp"
#include "base/text.hpp"
#include "config/regions.hpp"

namespace aphex::engine {
namespace {

using config::partition_of;

constexpr std::string_view kCredentialsHint =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile with AWS_PROFILE; "
    "`aphex run --sandbox` needs none";

Error about(ErrorCode code, std::string message, std::string hint) {
  return Error{.code = code,
               .message = std::move(message),
               .hint = std::move(hint),
               .retry = Retry::terminal,
               .exit_code = 0,
               .cause = nullptr};
}

// Wraps what AWS said; transient and cancelled failures keep their nature.
tl::unexpected<Error> explain(Error cause, Error explanation) {
  if (cause.retry == Retry::retryable || cause.code == ErrorCode::unavailable ||
      cause.code == ErrorCode::cancelled || cause.code == ErrorCode::timeout) {
    return fail_because(std::move(explanation.message), std::move(cause));
  }
  explanation.cause = std::make_shared<const Error>(std::move(cause));
  return fail(std::move(explanation));
}

bool is_transient(const Error& error) {
  return error.retry == Retry::retryable || error.code == ErrorCode::unavailable ||
         error.code == ErrorCode::cancelled || error.code == ErrorCode::timeout;
}

std::string renewal(std::string_view source) {
  if (!source.starts_with("web identity") && !source.starts_with("container")) {
    return "renew them (aws sso login, or a fresh session token) and resume";
  }
  return "a new pod gets a new token: argo resubmit <workflow>; where that fails too, check the "
         "cluster's identity provider in IAM: aws iam list-open-id-connect-providers";
}

Error session_over(const aws::AwsContext& base, const AccessTarget& target) {
  return about(
      ErrorCode::permission,
      fmt::format("the AWS credentials ({}) have expired: {} in account {} (environment "
                  "{}) cannot be assumed",
                  base.credentials->source(), deploy_role_arn(target), target.account, target.name),
      renewal(base.credentials->source()));
}

// STS names the policy that is to blame where it is one of the caller's own account.
bool blames_caller(std::string_view words) {
  constexpr std::array<std::string_view, 5> kSigns{
      "no identity-based policy allows", "in an identity-based policy", "permissions boundary",
      "session policy", "service control policy"};
  return std::any_of(kSigns.begin(), kSigns.end(), [&](std::string_view sign) {
    return words.find(sign) != std::string_view::npos;
  });
}

// Of a bucket in anybody's account S3 says whether it exists, and a bootstrap has one.
bool lacks_bucket(const aws::AwsContext& base, const AccessTarget& target,
                  const os::CancelToken& cancel) {
  aws::S3Client bucket(
      base, target.region,
      fmt::format("cdk-{}-assets-{}-{}", target.qualifier, target.account, target.region));
  const auto listed = bucket.list("aphex", cancel);
  return !listed && aws::is_missing_bucket(listed.error());
}

// Who knows what is wrong knows what mends it; the others get the general advice.
std::string credentials_hint(const Error& cause) {
  return cause.hint.empty() ? std::string(kCredentialsHint)
                            : cause.hint + "; `aphex run --sandbox` needs no credentials";
}

// `what` is said where neither the network nor an expired session is to blame.
tl::unexpected<Error> no_identity(const aws::AwsContext& base, const AccessTarget& target,
                                  std::string what, Error cause) {
  if (is_transient(cause)) {
    return fail_because(fmt::format("cannot ask AWS who we are (environment {})", target.name),
                        std::move(cause));
  }
  if (says_expired(describe(cause))) {
    return explain(std::move(cause), session_over(base, target));
  }
  // Not about credentials at all: an address that is none.
  if (cause.code == ErrorCode::usage) return fail(std::move(cause));
  std::string hint = credentials_hint(cause);
  return explain(std::move(cause), about(ErrorCode::permission, std::move(what), std::move(hint)));
}

// What a refusal by STS is about.
struct Refusal {
  const aws::AwsContext& base;
  const AccessTarget& target;
  const aws::CallerIdentity& caller;
};

Error denied_to_caller(const Refusal& refusal, std::string_view why) {
  const AccessTarget& target = refusal.target;
  return about(
      ErrorCode::permission,
      fmt::format("cannot assume {} in account {} (environment {}) as {}: {}",
                  deploy_role_arn(target), target.account, target.name, refusal.caller.arn, why),
      fmt::format("allow {} to sts:AssumeRole on arn:{}:iam::{}:role/cdk-{}-*", refusal.caller.arn,
                  partition_of(target.region), target.account, target.qualifier));
}

Error not_bootstrapped(const Refusal& refusal, std::string_view prefix) {
  const AccessTarget& target = refusal.target;
  return about(ErrorCode::permission,
               fmt::format("account {} is not bootstrapped in {} (environment {}): there is no {}",
                           target.account, target.region, target.name, deploy_role_arn(target)),
               std::string(prefix) + bootstrap_command(target, refusal.caller.account));
}

// Of an account that may trust others already.
std::string bootstrap_again(const AccessTarget& target, const std::string& pipeline_account) {
  const std::string command = bootstrap_command(target, pipeline_account);
  if (pipeline_account == target.account) return command;
  return command + " (--trust replaces the list: repeat it for each account that is trusted now)";
}

Error refused_by_other_account(const Refusal& refusal, const os::CancelToken& cancel) {
  const AccessTarget& target = refusal.target;
  const std::string as_them = fmt::format("with credentials of account {}: ", target.account);
  if (lacks_bucket(refusal.base, target, cancel)) return not_bootstrapped(refusal, as_them);
  return about(
      ErrorCode::permission,
      fmt::format("cannot assume {} in account {} (environment {}) as {}: the bootstrap of that "
                  "account does not trust account {}",
                  deploy_role_arn(target), target.account, target.name, refusal.caller.arn,
                  refusal.caller.account),
      as_them + bootstrap_again(target, refusal.caller.account));
}

// STS answers AccessDenied whether the role is missing, does not trust us, or may not be assumed by
// us. What else is there tells them apart.
tl::unexpected<Error> role_refused(const Refusal& refusal, const os::CancelToken& cancel,
                                   Error cause) {
  const AccessTarget& target = refusal.target;
  if (is_transient(cause)) {
    return fail_because(
        fmt::format("cannot assume {} (environment {})", deploy_role_arn(target), target.name),
        std::move(cause));
  }
  if (says_expired(describe(cause))) {
    return explain(std::move(cause), session_over(refusal.base, target));
  }
  if (blames_caller(describe(cause))) {
    return explain(std::move(cause),
                   denied_to_caller(refusal, "the caller's own policies do not allow it"));
  }
  if (refusal.caller.account != target.account) {
    return explain(std::move(cause), refused_by_other_account(refusal, cancel));
  }
  const auto version =
      aws::get_parameter(refusal.base, target.region, bootstrap_version_parameter(target), cancel);
  if (!version && version.error().code == ErrorCode::not_found) {
    return explain(std::move(cause), not_bootstrapped(refusal, ""));
  }
  return explain(std::move(cause),
                 denied_to_caller(refusal,
                                  "the caller lacks sts:AssumeRole on it, or the role's "
                                  "trust policy excludes the caller"));
}

Result<int> bootstrap_version(const aws::AwsContext& environment, const AccessTarget& target,
                              const aws::CallerIdentity& caller, const os::CancelToken& cancel) {
  const std::string parameter = bootstrap_version_parameter(target);
  auto text = aws::get_parameter(environment, target.region, parameter, cancel);
  if (!text) {
    Error cause = std::move(text.error());
    return explain(std::move(cause),
                   about(ErrorCode::permission,
                         fmt::format("cannot read the bootstrap's version ({}) in account {} {} "
                                     "(environment {})",
                                     parameter, target.account, target.region, target.name),
                         bootstrap_again(target, caller.account)));
  }
  int version = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), version);
  if (error != std::errc{} || end != text->data() + text->size()) {
    return fail(ErrorCode::permission,
                fmt::format("{} in account {} {} is '{}', not a number", parameter, target.account,
                            target.region, *text),
                bootstrap_again(target, caller.account));
  }
  if (version < kMinBootstrapVersion) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("the bootstrap of account {} in {} (environment {}) has version {}; "
                    "{} or newer is needed",
                    target.account, target.region, target.name, version, kMinBootstrapVersion),
        bootstrap_again(target, caller.account));
  }
  return version;
}

}  // namespace

AccessTarget access_target(const plan::Plan& plan, std::size_t environment) {
  const plan::Environment& of = plan.environments.at(environment);
  return {.name = of.name,
          .account = of.account,
          .region = of.region,
          .qualifier = plan.bootstrap_qualifier};
}

std::string deploy_role_arn(const AccessTarget& target) {
  return fmt::format("arn:{}:iam::{}:role/cdk-{}-deploy-role-{}-{}", partition_of(target.region),
                     target.account, target.qualifier, target.account, target.region);
}

std::string bootstrap_version_parameter(const AccessTarget& target) {
  return fmt::format("/cdk-bootstrap/{}/version", target.qualifier);
}

std::string bootstrap_command(const AccessTarget& target, const std::string& pipeline_account) {
  std::string command = fmt::format("cdk bootstrap aws://{}/{}", target.account, target.region);
  if (target.qualifier != config::Pipeline{}.bootstrap_qualifier) {
    command += fmt::format(" --qualifier {} --toolkit-stack-name CDKToolkit-{}", target.qualifier,
                           target.qualifier);
  }
  if (pipeline_account != target.account) command += " --trust " + pipeline_account;
  command +=
      fmt::format(" --cloudformation-execution-policies arn:{}:iam::aws:policy/AdministratorAccess",
                  partition_of(target.region));
  return command;
}

aws::AwsContext environment_context(const aws::AwsContext& base, const AccessTarget& target) {
  aws::AwsContext context = base;
  context.credentials = aws::make_role_credentials(
      base,
      {.role_arn = deploy_role_arn(target), .session_name = "aphex", .region = target.region});
  return context;
}

Result<AccessReport> check_environment_access(const aws::AwsContext& base,
                                              const AccessTarget& target,
                                              const os::CancelToken& cancel) {
  // Credentials first: "none at all" must not look like a refusal by STS.
  if (auto own = base.credentials->get(cancel); !own) {
    return no_identity(base, target,
                       fmt::format("there are no AWS credentials to reach environment {} "
                                   "(account {}) with",
                                   target.name, target.account),
                       std::move(own.error()));
  }
  auto caller = aws::get_caller_identity(base, target.region, cancel);
  if (!caller) {
    return no_identity(
        base, target,
        fmt::format("AWS does not accept the credentials ({})", base.credentials->source()),
        std::move(caller.error()));
  }
  const aws::AwsContext environment = environment_context(base, target);
  if (auto role = environment.credentials->get(cancel); !role) {
    return role_refused({base, target, *caller}, cancel, std::move(role.error()));
  }
  APHEX_TRY(const int version, bootstrap_version(environment, target, *caller, cancel));
  return AccessReport{.caller = std::move(*caller), .bootstrap_version = version};
}

bool says_expired(std::string_view message) {
  for (std::string_view word : {"ExpiredToken", "RequestExpired",
                                "token included in the request "
                                "is expired",
                                "session has expired", "TokenRefreshRequired"}) {
    if (message.find(word) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace aphex::engine
