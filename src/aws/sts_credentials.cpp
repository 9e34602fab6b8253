#include "aws/sts_credentials.hpp"

#include "aws/client.hpp"
#include "aws/dates.hpp"
#include "aws/refreshing.hpp"
#include "aws/uri.hpp"
#include "aws/xml.hpp"
#include "base/header_value.hpp"
#include "base/text.hpp"
#include "os/files.hpp"

namespace aphex::aws {
namespace {

constexpr std::size_t kMaxTokenBytes = 20'000;  // STS: WebIdentityToken has 20,000 characters

struct StsCall {
  std::string action;
  std::string role_arn;
  std::string region;
  Authentication authentication = Authentication::signed_request;
  QueryParameters parameters;
};

Result<Credentials> read_credentials(const XmlElement& root, const StsCall& sts,
                                     const std::string& what) {
  const std::string result = sts.action + "Result";
  const XmlElement* found = root.find({result, "Credentials"});
  const auto expires =
      found == nullptr ? std::nullopt : parse_iso_time(found->text_of("Expiration"));
  const bool whole = expires && is_header_value(found->text_of("AccessKeyId")) &&
                     is_header_value(found->text_of("SessionToken")) &&
                     !found->text_of("AccessKeyId").empty() &&
                     !found->text_of("SecretAccessKey").empty();
  if (!whole) return fail(ErrorCode::corrupt, what + ": the answer holds no credentials");
  return Credentials{.access_key_id = found->text_of("AccessKeyId"),
                     .secret_access_key = found->text_of("SecretAccessKey"),
                     .session_token = found->text_of("SessionToken"),
                     .expires_at = expires};
}

Result<Credentials> call_sts(const AwsContext& base, StsCall sts, const os::CancelToken& cancel) {
  sts.parameters.emplace_back("Action", sts.action);
  sts.parameters.emplace_back("Version", "2011-06-15");
  sts.parameters.emplace_back("RoleArn", sts.role_arn);
  const std::string what = "STS " + sts.action + " " + sts.role_arn;
  ServiceCall service_call;
  service_call.what = what;
  service_call.service = "sts";
  service_call.region = sts.region;
  service_call.authentication = sts.authentication;
  service_call.request = query_request(resolve_endpoint("sts", sts.region, base.environment).url,
                                       encode_query(sts.parameters));
  APHEX_TRY(const HttpResponse response, call(base, std::move(service_call), cancel));
  auto root = parse_xml(response.body);
  if (!root) return fail_because(what, std::move(root.error()));
  return read_credentials(*root, sts, what);
}

}  // namespace

Result<Credentials> assume_role(const AwsContext& base, const AssumeRole& role,
                                const os::CancelToken& cancel) {
  StsCall sts{.action = "AssumeRole",
              .role_arn = role.role_arn,
              .region = role.region,
              .authentication = Authentication::signed_request,
              .parameters = {{"RoleSessionName", role.session_name},
                             {"DurationSeconds", std::to_string(role.duration.count())}}};
  if (!role.external_id.empty()) sts.parameters.emplace_back("ExternalId", role.external_id);
  return call_sts(base, std::move(sts), cancel);
}

Result<Credentials> assume_role_with_web_identity(const AwsContext& base,
                                                  const WebIdentity& identity,
                                                  const os::CancelToken& cancel) {
  auto token = os::read_file(identity.token_file, kMaxTokenBytes);
  if (!token) {
    return fail_because(
        "STS AssumeRoleWithWebIdentity " + identity.role_arn + ": the token file cannot be read",
        std::move(token.error()));
  }
  const std::string trimmed(trim(*token));
  if (trimmed.empty()) {
    return fail(ErrorCode::permission, "STS AssumeRoleWithWebIdentity " + identity.role_arn +
                                           ": the token file " + identity.token_file.string() +
                                           " is empty");
  }
  StsCall sts{
      .action = "AssumeRoleWithWebIdentity",
      .role_arn = identity.role_arn,
      .region = identity.region,
      .authentication = Authentication::none,
      .parameters = {{"RoleSessionName", identity.session_name}, {"WebIdentityToken", trimmed}}};
  return call_sts(base, std::move(sts), cancel);
}

std::shared_ptr<CredentialsProvider> make_role_credentials(const AwsContext& base,
                                                           AssumeRole role) {
  if (role.region.empty()) role.region = configured_region(base.environment);
  if (role.region.empty()) role.region = "us-east-1";
  const std::string source = "role " + role.role_arn + ", assumed with " +
                             (base.credentials ? base.credentials->source() : "nothing");
  return std::make_shared<RefreshingProvider>(
      source, base.clock, [base, role = std::move(role)](const os::CancelToken& cancel) {
        return assume_role(base, role, cancel);
      });
}

}  // namespace aphex::aws
