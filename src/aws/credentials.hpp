#pragma once
// AWS credentials: the default chain and AssumeRole, each as a provider that refreshes itself.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "aws/http.hpp"
#include "base/result.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"

namespace aphex::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty for lasting keys
  std::optional<os::WallTime> expires_at;
};

class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  // Fresh for at least five minutes where they can be refreshed. Thread-safe.
  virtual Result<Credentials> get(const os::CancelToken& cancel) = 0;
  // Where they come from, for messages: "environment variables", "profile dev", ….
  virtual std::string source() const = 0;
};

// The service's address: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, or AWS's own for the region
// and its partition.
struct ServiceEndpoint {
  std::string url;     // scheme://host[:port]
  bool local = false;  // not AWS's own: path-style S3
};
ServiceEndpoint resolve_endpoint(const std::string& service, const std::string& region,
                                 const os::EnvironmentVariables& environment);

// "us-east-1", "cn-north-1", … → "amazonaws.com", "amazonaws.com.cn", …
std::string domain_of(const std::string& region);
// AWS_REGION, AWS_DEFAULT_REGION, or nothing.
std::string configured_region(const os::EnvironmentVariables& environment);

// How far the services' clock is ahead of ours, learnt from an answer's Date when they refuse a
// signature for its time.
struct ClockSkew {
  std::atomic<std::int64_t> ahead_ms{0};
};

// What a client needs: how to send, who we are, and the environment it was configured by.
struct AwsContext {
  std::shared_ptr<HttpClient> http;
  std::shared_ptr<CredentialsProvider> credentials;
  std::shared_ptr<os::Clock> clock;
  os::EnvironmentVariables environment;
  std::shared_ptr<ClockSkew> skew = std::make_shared<ClockSkew>();  // shared by copies
};

// In the SDKs' order: environment variables, web identity (AWS_WEB_IDENTITY_TOKEN_FILE), the shared
// files (profile, source_profile, role_arn, credential_process), container credentials
// (AWS_CONTAINER_CREDENTIALS_*), instance metadata (unless AWS_EC2_METADATA_DISABLED).
std::shared_ptr<CredentialsProvider> make_default_credentials(
    const std::shared_ptr<HttpClient>& http, const std::shared_ptr<os::Clock>& clock,
    const std::shared_ptr<os::ProcessRunner>& processes,
    const os::EnvironmentVariables& environment);

struct AssumeRole {
  std::string role_arn;
  std::string session_name = "aphex";
  std::string region;
  std::string external_id{};             // empty: none, as the CDK's bootstrap roles want it
  std::chrono::seconds duration{3'600};  // the most that one role may take from another
};
// Credentials of a role, assumed with the context's own and again before they expire.
std::shared_ptr<CredentialsProvider> make_role_credentials(const AwsContext& base, AssumeRole role);

}  // namespace aphex::aws
