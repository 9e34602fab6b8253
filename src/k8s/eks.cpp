#include "k8s/eks.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "aws/services.hpp"
#include "aws/sigv4.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"

namespace aphex::k8s {
namespace {

constexpr std::string_view kPrefix = "k8s-aws-v1.";
// As `aws eks get-token`. The cluster counts a quarter of an hour from X-Amz-Date instead.
constexpr std::chrono::seconds kLifetime{60};
// Well before the cluster's quarter of an hour is over.
constexpr std::chrono::minutes kUseFor{10};
// Credentials are fresh for five minutes at least; the token dies with them.
constexpr std::chrono::minutes kBeforeExpiry{1};

Result<Token> make_token(const aws::AwsContext& context, const EksTokenOptions& options,
                         const os::CancelToken& cancel) {
  auto credentials = context.credentials->get(cancel);
  if (!credentials) {
    return fail_because(fmt::format("no token for cluster {}", options.cluster),
                        std::move(credentials.error()));
  }
  aws::HttpRequest request;
  request.url = aws::resolve_endpoint("sts", options.region, context.environment).url +
                "/?Action=GetCallerIdentity&Version=2011-06-15";
  request.headers = {{"x-k8s-aws-id", options.cluster}};
  const os::WallTime now =
      context.clock->now() + std::chrono::milliseconds(context.skew->ahead_ms.load());
  APHEX_TRY(const aws::PresignedUrl signed_url,
            aws::presign_url(request, *credentials,
                             aws::SigningParameters{.region = options.region,
                                                    .service = "sts",
                                                    .time = now,
                                                    .path = aws::PathSigning::normalized,
                                                    .payload_header = aws::PayloadHeader::omit,
                                                    .payload_hash = {}},
                             kLifetime));
  Token token{.text = std::string(kPrefix) + to_base64url(signed_url.url),
              .use_until = context.clock->now() + kUseFor};
  if (credentials->expires_at) {
    token.use_until = std::min(token.use_until, *credentials->expires_at - kBeforeExpiry);
  }
  return token;
}

std::string remedy_for(const EksTokenOptions& options) {
  return fmt::format(
      "give it an access entry: aws eks create-access-entry --cluster-name {} --principal-arn {} "
      "--kubernetes-groups …",
      options.cluster, options.principal.empty() ? "<its ARN>" : options.principal);
}

Result<std::string> authority_of(const aws::EksCluster& cluster) {
  const auto pem = from_base64(cluster.ca_data);
  if (pem && pem->find("-----BEGIN CERTIFICATE-----") != std::string::npos) return *pem;
  return fail(ErrorCode::corrupt,
              fmt::format("EKS DescribeCluster {}: its certificateAuthority holds no certificate",
                          cluster.name));
}

}  // namespace

std::shared_ptr<TokenProvider> make_eks_tokens(aws::AwsContext context, EksTokenOptions options) {
  std::shared_ptr<os::Clock> clock = context.clock;
  TokenSource source{.make = {}, .identity = options.identity, .remedy = remedy_for(options)};
  source.make = [context = std::move(context), options = std::move(options)](
                    const os::CancelToken& cancel) { return make_token(context, options, cancel); };
  return make_token_provider(std::move(clock), std::move(source));
}

Result<std::shared_ptr<Client>> connect_eks(const aws::AwsContext& context,
                                            const EksConnection& connection,
                                            const os::CancelToken& cancel) {
  APHEX_TRY(const aws::EksCluster found,
            aws::describe_cluster(context, connection.region, connection.cluster, cancel));
  if (found.endpoint.empty()) {
    return fail(ErrorCode::unavailable,
                fmt::format("cluster {} has no endpoint: it is {}", connection.cluster,
                            found.status.empty() ? "in no known state" : found.status),
                "wait until it is ACTIVE");
  }
  APHEX_TRY(std::string authority, authority_of(found));
  aws::AwsContext identity = context;
  identity.credentials = connection.credentials;
  return std::make_shared<Client>(ClientOptions{
      .cluster = connection.cluster,
      .server = found.endpoint,
      .http = aws::make_http_client(aws::HttpOptions{.ca_bundle = {}, .ca_pem = authority}),
      .tokens = make_eks_tokens(identity, EksTokenOptions{.cluster = connection.cluster,
                                                          .region = connection.region,
                                                          .identity = connection.identity,
                                                          .principal = connection.principal}),
      .clock = context.clock});
}

}  // namespace aphex::k8s
