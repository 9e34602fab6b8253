#include "server/notify/github_client.hpp"

#include <fmt/format.h>

#include "aws/dates.hpp"
#include "base/rsa.hpp"
#include "base/sha256.hpp"
#include "engine/secret_masker.hpp"
#include "server/notify/channels.hpp"
#include "server/notify/http_answer.hpp"

namespace aphex::server::notify {
namespace {

using doc::Value;

constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
// GitHub takes ten minutes at most, and its clock may be behind ours.
constexpr std::chrono::seconds kJwtBefore{60};
constexpr std::chrono::seconds kJwtAfter{540};
// An installation's token lives an hour; it is not used to its last minute.
constexpr std::chrono::minutes kBeforeExpiry{5};

Error terminal(ErrorCode code, std::string message, std::string hint) {
  return fail(code, std::move(message), std::move(hint)).value();
}

std::string name_in(const std::string& repository) {
  return repository.substr(repository.find('/') + 1);
}

}  // namespace

Result<std::string> app_jwt(const std::string& app_id, const std::string& private_key_pem,
                            os::WallTime now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  const Value header = Value::object({{"alg", "RS256"}, {"typ", "JWT"}});
  const Value claims = Value::object({{"iat", (seconds - kJwtBefore).count()},
                                      {"exp", (seconds + kJwtAfter).count()},
                                      {"iss", app_id}});
  const std::string text =
      to_base64url(doc::to_json(header)) + "." + to_base64url(doc::to_json(claims));
  APHEX_TRY(const std::string signature, sign_rs256(private_key_pem, text));
  return text + "." + to_base64url(signature);
}

std::string GitHubClient::who() const {
  return identity_.token.given() ? "the token in " + identity_.token.path().string()
                                 : "the app " + identity_.app_id;
}

Telling GitHubClient::refusal(const GitHubCall& call, const aws::HttpResponse& response,
                              const std::string& token) const {
  if (const auto redirect = redirect_of(response, identity_.api_url)) {
    // GitHub answers so for a repository that has another name now, and Enterprise at an address
    // that is not the API's.
    return Never{terminal(
        ErrorCode::command_failed,
        fmt::format("GitHub answered {} to {} for {}", response.status, redirect->host,
                    call.repository),
        redirect->elsewhere
            ? "redirects are not followed, the token would go along: give apiUrl: the address that "
              "it leads to"
            : "redirects are not followed: give repository: the name that it has now, or apiUrl: "
              "the address of the API, of GitHub Enterprise https://<host>/api/v3")};
  }
  engine::SecretMasker masker;
  masker.add(token);
  const std::string said = masker.mask(fmt::format("GitHub answers {} for {}: {}", response.status,
                                                   call.repository, what_it_said(response)));
  if (may_pass(response)) {
    return NotYet{.error = terminal(ErrorCode::unavailable, said, ""),
                  .wait = wish_to_wait(response, surroundings_.clock->now())};
  }
  switch (response.status) {
    case kUnauthorized:
      return Never{terminal(ErrorCode::permission, said,
                            fmt::format("{} has expired or was revoked: make a new one", who()))};
    case kForbidden:
      return Never{terminal(
          ErrorCode::permission, said,
          fmt::format("give {} the right '{}' on {}", who(), call.right, call.repository))};
    case kNotFound:
      return Never{
          terminal(ErrorCode::not_found, said,
                   fmt::format("to {} there is no {}, or the right '{}' is missing: {}", who(),
                               call.repository, call.right,
                               identity_.token.given() ? "give the token access to the repository"
                                                       : "install the app on the repository"))};
    default:
      return Never{terminal(ErrorCode::command_failed, said, "")};
  }
}

GitHubClient::Answer GitHubClient::send(const GitHubCall& call, const std::string& path,
                                        const std::string& token, const os::CancelToken& cancel) {
  aws::HttpRequest request;
  request.method = call.method;
  request.url = identity_.api_url + path;
  request.headers = {{"Accept", "application/vnd.github+json"},
                     {"Authorization", "Bearer " + token},
                     {"X-GitHub-Api-Version", "2022-11-28"}};
  if (call.body) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = doc::to_json(*call.body);
  }
  request.connection = aws::Connection::its_own;
  request.connect_timeout = kConnectTime;
  request.stall_timeout = kAnswerTime;
  request.max_response_bytes = kMaxAnswerBytes;
  Result<aws::HttpResponse> response = surroundings_.http->send(request, cancel);
  if (!response) return tl::unexpected<Telling>(no_answer(std::move(response.error())));
  if (response->status / 100 != 2) return tl::unexpected<Telling>(refusal(call, *response, token));
  Result<Value> value = doc::parse_json(response->body);
  if (!value) {
    return tl::unexpected<Telling>(
        NotYet{.error = terminal(ErrorCode::corrupt,
                                 fmt::format("{} answers what is no JSON", identity_.api_url),
                                 "apiUrl: is the address of GitHub's API, not of its pages"),
               .sure = false});
  }
  return std::move(*value);
}

GitHubClient::Token GitHubClient::installation_token(const std::string& repository,
                                                     const os::CancelToken& cancel) {
  const os::WallTime now = surroundings_.clock->now();
  const auto lease = leases_.find(repository);
  if (lease != leases_.end() && lease->second.until - kBeforeExpiry > now)
    return lease->second.token;
  Result<std::string> key = identity_.private_key.read();
  if (!key) return tl::unexpected<Telling>(NotYet{.error = std::move(key.error())});
  Result<std::string> jwt = app_jwt(identity_.app_id, *key, now);
  if (!jwt) {
    jwt.error().message = identity_.private_key.path().string() + ": " + jwt.error().message;
    return tl::unexpected<Telling>(Never{std::move(jwt.error())});
  }
  const GitHubCall about{
      .method = "GET", .repository = repository, .path = {}, .right = "Metadata"};
  std::int64_t installation = identity_.installation;
  if (installation == 0) {
    const Answer found = send(about, "/repos/" + repository + "/installation", *jwt, cancel);
    if (!found) return tl::unexpected<Telling>(found.error());
    const Value* id = found->find("id");
    installation = id != nullptr && id->as_int() != nullptr ? *id->as_int() : 0;
  }
  GitHubCall lend = about;
  lend.method = "POST";
  lend.right = identity_.permission == "checks" ? "Checks: write" : "Commit statuses: write";
  lend.body = Value::object({{"repositories", Value::array({name_in(repository)})},
                             {"permissions", Value::object({{identity_.permission, "write"}})}});
  const Answer lent =
      send(lend, fmt::format("/app/installations/{}/access_tokens", installation), *jwt, cancel);
  if (!lent) return tl::unexpected<Telling>(lent.error());
  Lease made{lent->string_or("token", ""),
             aws::parse_iso_time(lent->string_or("expires_at", "")).value_or(now)};
  std::string token = made.token;
  leases_.insert_or_assign(repository, std::move(made));
  return token;
}

GitHubClient::Token GitHubClient::token_for(const std::string& repository,
                                            const os::CancelToken& cancel) {
  if (!identity_.token.given()) return installation_token(repository, cancel);
  Result<std::string> token = identity_.token.read();
  if (!token) return tl::unexpected<Telling>(NotYet{.error = std::move(token.error())});
  return std::move(*token);
}

GitHubClient::Answer GitHubClient::call(const GitHubCall& call, const os::CancelToken& cancel) {
  const Token token = token_for(call.repository, cancel);
  if (!token) return tl::unexpected<Telling>(token.error());
  Answer answer = send(call, "/repos/" + call.repository + call.path, *token, cancel);
  const auto* never = answer ? nullptr : std::get_if<Never>(&answer.error());
  const bool stale = never != nullptr && never->error.code == ErrorCode::permission;
  if (stale && leases_.erase(call.repository) > 0) {
    // Revoked before its time: the app asks for another, once.
    const Token fresh = installation_token(call.repository, cancel);
    if (!fresh) return tl::unexpected<Telling>(fresh.error());
    return send(call, "/repos/" + call.repository + call.path, *fresh, cancel);
  }
  return answer;
}

}  // namespace aphex::server::notify
