#include "aws/local_credentials.hpp"

#include <algorithm>
#include <array>

#include "aws/client.hpp"
#include "aws/dates.hpp"
#include "aws/uri.hpp"
#include "base/header_value.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxTokenBytes = 64U << 10U;
constexpr std::size_t kMaxAnswerBytes = 256U << 10U;
// Addresses on the link answer within milliseconds, or there is nobody.
constexpr milliseconds kLinkConnectTimeout{1'000};
constexpr milliseconds kLinkStallTimeout{2'000};
constexpr int kMetadataAttempts = 2;
constexpr int kContainerAttempts = 3;
constexpr milliseconds kProcessTimeout{60'000};
constexpr milliseconds kProcessGrace{2'000};
constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr std::string_view kMetadataHost = "http://169.254.169.254";
// Over plain HTTP the SDKs trust only loopback and these: the agents of ECS and of EKS.
constexpr std::array<std::string_view, 3> kLinkHosts = {"169.254.170.2", "169.254.170.23",
                                                        "fd00:ec2::23"};

std::string variable(const os::EnvironmentVariables& environment, const std::string& name) {
  const auto at = environment.find(name);
  return at == environment.end() ? std::string() : at->second;
}

// {"AccessKeyId":…,"SecretAccessKey":…,"Token" or "SessionToken":…,"Expiration":…}
Result<Credentials> read_credentials(const std::string& text, const std::string& what) {
  // The parser's own words could quote the text: they stay out.
  const auto value = doc::parse_json(text, {.max_bytes = kMaxAnswerBytes, .max_depth = 20});
  if (!value || !value->is_object()) {
    return fail(ErrorCode::corrupt, what + " answered something that is no JSON object");
  }
  Credentials out;
  out.access_key_id = value->string_or("AccessKeyId", "");
  out.secret_access_key = value->string_or("SecretAccessKey", "");
  out.session_token = value->string_or("Token", value->string_or("SessionToken", ""));
  if (out.access_key_id.empty() || out.secret_access_key.empty()) {
    return fail(ErrorCode::corrupt, what + " answered no AccessKeyId and SecretAccessKey");
  }
  if (!is_header_value(out.access_key_id) || !is_header_value(out.session_token)) {
    return fail(ErrorCode::corrupt, what + " answered a key or a token with a line break in it");
  }
  const std::string expiration = value->string_or("Expiration", "");
  if (!expiration.empty()) {
    out.expires_at = parse_iso_time(expiration);
    if (!out.expires_at) {
      return fail(ErrorCode::corrupt, what + " answered an Expiration that is no time");
    }
  }
  return out;
}

ServiceCall link_call(std::string what, std::string url, int attempts) {
  ServiceCall out;
  out.what = std::move(what);
  out.authentication = Authentication::none;
  out.max_attempts = attempts;
  out.request.url = std::move(url);
  out.request.proxy = Proxy::none;
  out.request.connect_timeout = kLinkConnectTimeout;
  out.request.stall_timeout = kLinkStallTimeout;
  out.request.max_response_bytes = kMaxAnswerBytes;
  return out;
}

Result<std::string> container_url(const os::EnvironmentVariables& environment) {
  const std::string relative = variable(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  if (!relative.empty()) {
    if (!relative.starts_with('/')) {
      return fail(ErrorCode::usage,
                  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
    }
    return std::string(kContainerHost) + relative;
  }
  const std::string full = variable(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  auto url = parse_url(full);
  if (!url) return fail_because("AWS_CONTAINER_CREDENTIALS_FULL_URI", std::move(url.error()));
  const bool trusted =
      url->scheme == "https" || is_loopback(url->host) ||
      std::find(kLinkHosts.begin(), kLinkHosts.end(), url->host) != kLinkHosts.end();
  if (trusted) return full;
  return fail(ErrorCode::usage, "AWS_CONTAINER_CREDENTIALS_FULL_URI names " + url->host +
                                    ", which is neither https nor an address of this machine");
}

// Empty where none is configured.
Result<std::string> authorization_token(const os::EnvironmentVariables& environment) {
  const std::string file = variable(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  std::string token = variable(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (!file.empty()) {
    auto text = os::read_file(file, kMaxTokenBytes);
    if (!text) {
      return fail_because("the token of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read",
                          std::move(text.error()));
    }
    token = trim(*text);
  }
  if (!is_header_value(token)) {
    return fail(ErrorCode::usage, "the container's authorization token has more than one line");
  }
  return token;
}

}  // namespace

bool has_container_credentials(const os::EnvironmentVariables& environment) {
  return !variable(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() ||
         !variable(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI").empty();
}

Result<Credentials> fetch_container_credentials(const AwsContext& base,
                                                const os::CancelToken& cancel) {
  APHEX_TRY(std::string url, container_url(base.environment));
  APHEX_TRY(const std::string token, authorization_token(base.environment));
  ServiceCall request =
      link_call("the container's credentials", std::move(url), kContainerAttempts);
  if (!token.empty()) request.request.headers.emplace_back("Authorization", token);
  APHEX_TRY(const HttpResponse response, call(base, std::move(request), cancel));
  return read_credentials(response.body, "the container's credentials address");
}

bool may_ask_instance_metadata(const os::EnvironmentVariables& environment) {
  return to_lower(variable(environment, "AWS_EC2_METADATA_DISABLED")) != "true";
}

Result<Credentials> fetch_instance_credentials(const AwsContext& base,
                                               const os::CancelToken& cancel) {
  std::string host = variable(base.environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (host.empty()) host = kMetadataHost;
  while (host.ends_with('/'))
    host.pop_back();

  ServiceCall session = link_call("instance metadata", host + "/latest/api/token", 1);
  session.request.method = "PUT";
  session.request.headers.emplace_back("X-aws-ec2-metadata-token-ttl-seconds", "21600");
  APHEX_TRY(const HttpResponse answer, call(base, std::move(session), cancel));
  const std::string token(trim(answer.body));
  if (!is_header_value(token)) {
    return fail(ErrorCode::corrupt, "instance metadata answered a token of more than one line");
  }

  const std::string path = host + "/latest/meta-data/iam/security-credentials/";
  ServiceCall list = link_call("instance metadata", path, kMetadataAttempts);
  list.request.headers.emplace_back("X-aws-ec2-metadata-token", token);
  APHEX_TRY(const HttpResponse roles, call(base, std::move(list), cancel));
  const std::string role(trim(split(roles.body, '\n').front()));
  if (role.empty()) return fail(ErrorCode::not_found, "instance metadata names no role");

  ServiceCall credentials =
      link_call("instance metadata of role " + role, path + uri_encode(role), kMetadataAttempts);
  credentials.request.headers.emplace_back("X-aws-ec2-metadata-token", token);
  APHEX_TRY(const HttpResponse response, call(base, std::move(credentials), cancel));
  return read_credentials(response.body, "instance metadata of role " + role);
}

Result<Credentials> run_credential_process(os::ProcessRunner& processes,
                                           const CredentialProcess& process,
                                           const os::EnvironmentVariables& environment,
                                           const os::CancelToken& cancel) {
  os::ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", process.command};
  spec.environment = environment;
  spec.timeout = kProcessTimeout;
  spec.grace = kProcessGrace;
  const std::string what = "credential_process of profile " + process.profile;
  auto captured = os::capture(processes, std::move(spec), cancel, kMaxAnswerBytes);
  if (!captured) return fail_because(what + " did not start", std::move(captured.error()));
  // Its output is not quoted: it may hold a key.
  switch (captured->exit.how) {
    case os::ProcessExit::How::cancelled:
      return fail(ErrorCode::cancelled, what + " was cancelled: " + cancel.reason());
    case os::ProcessExit::How::timed_out:
      return fail(ErrorCode::timeout, what + " did not end within 60 s");
    case os::ProcessExit::How::signalled:
    case os::ProcessExit::How::exited:
      break;
  }
  if (captured->exit.shell_code() != 0) {
    return fail(ErrorCode::permission,
                what + " ended with exit code " + std::to_string(captured->exit.shell_code()),
                "run the command of the profile by hand to see why");
  }
  return read_credentials(captured->out, what);
}

}  // namespace aphex::aws
