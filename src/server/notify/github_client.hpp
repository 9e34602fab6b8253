#pragma once
// GitHub's REST API, as a user's token or as a GitHub App.
//
// docs.github.com/en/rest (version 2022-11-28): authentication as an app by a JWT of RS256, as its
// installation by a token of one hour; limits by Retry-After and x-ratelimit-*.

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "doc/value.hpp"
#include "server/notify/channel_config.hpp"

namespace aphex::server::notify {

struct GitHubIdentity {
  std::string api_url = "https://api.github.com";  // of GitHub Enterprise: https://host/api/v3
  SecretFile token;                                // of a user; or else an app:
  std::string app_id;                              // its number or client id
  SecretFile private_key;
  std::int64_t installation = 0;  // 0: asked for, by the repository
  std::string permission;         // that is needed: "statuses" or "checks"
};

struct GitHubCall {
  std::string method = "GET";
  std::string repository;  // owner/name
  std::string path;        // behind /repos/<owner>/<name>
  std::optional<doc::Value> body{};
  std::string right;  // what a refusal says to be missing: "Commit statuses: write"
};

class GitHubClient {
 public:
  GitHubClient(GitHubIdentity identity, Surroundings surroundings)
      : identity_(std::move(identity)), surroundings_(std::move(surroundings)) {}

  // An answer that is no refusal, as JSON; else what a refusal means for a notification.
  using Answer = tl::expected<doc::Value, Telling>;
  Answer call(const GitHubCall& call, const os::CancelToken& cancel);

 private:
  using Token = tl::expected<std::string, Telling>;
  struct Lease {
    std::string token;
    os::WallTime until;
  };

  Token token_for(const std::string& repository, const os::CancelToken& cancel);
  Token installation_token(const std::string& repository, const os::CancelToken& cancel);
  Answer send(const GitHubCall& call, const std::string& path, const std::string& token,
              const os::CancelToken& cancel);
  Telling refusal(const GitHubCall& call, const aws::HttpResponse& response,
                  const std::string& token) const;
  std::string who() const;

  GitHubIdentity identity_;
  Surroundings surroundings_;
  std::map<std::string, Lease> leases_;  // by repository
};

// header.claims.signature of RFC 7519, valid for nine minutes from `now`.
Result<std::string> app_jwt(const std::string& app_id, const std::string& private_key_pem,
                            os::WallTime now);

}  // namespace aphex::server::notify
