#include "server/webhook/github_webhook.hpp"

#include <algorithm>
#include <vector>

#include "aws/dates.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::server {
namespace {

using doc::Value;

constexpr std::string_view kSignaturePrefix = "sha256=";
constexpr std::string_view kBranchPrefix = "refs/heads/";
constexpr std::size_t kCommitDigits = 40;
constexpr std::size_t kDigestDigits = 64;  // of SHA-256
// GitHub's cap, and what its events nest at most is far below a hundred.
constexpr doc::JsonLimits kLimits{.max_bytes = 26U << 20U, .max_depth = 100};

// Reads members of one payload; the first that is missing is what the error names.
class Reader {
 public:
  Reader(std::string_view event, const Value& payload) : event_(event), payload_(payload) {}

  std::string text(std::initializer_list<std::string_view> path) {
    const Value* found = payload_.find(path);
    if (found != nullptr && found->is_string()) return *found->as_string();
    miss(path, "a text");
    return {};
  }
  // Null and absent are the same.
  std::string text_or_nothing(std::initializer_list<std::string_view> path) {
    const Value* found = payload_.find(path);
    if (found == nullptr || found->is_null()) return {};
    return text(path);
  }
  bool boolean(std::initializer_list<std::string_view> path) {
    const Value* found = payload_.find(path);
    if (found != nullptr && found->as_bool() != nullptr) return *found->as_bool();
    miss(path, "true or false");
    return false;
  }
  std::int64_t number(std::initializer_list<std::string_view> path) {
    const Value* found = payload_.find(path);
    if (found != nullptr && found->as_int() != nullptr) return *found->as_int();
    miss(path, "a number");
    return 0;
  }
  // Seconds since 1970 or ISO 8601: GitHub writes both, the first in pushes. Nothing where there
  // is none: who has signed it may leave it out.
  std::optional<std::int64_t> milliseconds(std::initializer_list<std::string_view> path) const {
    const Value* found = payload_.find(path);
    if (found == nullptr) return std::nullopt;
    constexpr std::int64_t kMostSeconds = 1'000'000'000'000;
    if (const std::int64_t* seconds = found->as_int(); seconds && *seconds >= 0)
      return std::min(*seconds, kMostSeconds) * 1000;
    if (!found->is_string()) return std::nullopt;
    const auto time = aws::parse_iso_time(*found->as_string());
    if (!time) return std::nullopt;
    return time->time_since_epoch().count();
  }
  std::string commit(std::initializer_list<std::string_view> path) {
    std::string found = text(path);
    if (problem_.empty() && !is_hex(found, kCommitDigits))
      miss(path, "a commit of 40 hexadecimal digits");
    return found;
  }

  template <typename Event>
  Result<WebhookEvent> done(Event event) {
    if (problem_.empty()) return WebhookEvent(std::move(event));
    return fail(ErrorCode::usage, problem_, "GitHub's events of this kind have it; who sent this?");
  }

 private:
  void miss(std::initializer_list<std::string_view> path, std::string_view wanted) {
    if (!problem_.empty()) return;
    const std::vector<std::string> names(path.begin(), path.end());
    problem_ = "the " + event_ + " event's " + join(names, ".") + " is missing or not ";
    problem_ += wanted;
  }

  std::string event_;
  const Value& payload_;
  std::string problem_;
};

Result<WebhookEvent> read_push(Reader reader) {
  Push push;
  push.repository = reader.text({"repository", "full_name"});
  push.clone_url = reader.text({"repository", "clone_url"});
  const std::string ref = reader.text({"ref"});
  if (ref.starts_with(kBranchPrefix)) push.branch = ref.substr(kBranchPrefix.size());
  push.deleted = reader.boolean({"deleted"});
  push.commit = reader.commit({"after"});
  push.before = reader.text_or_nothing({"before"});
  push.pushed_at = reader.milliseconds({"repository", "pushed_at"});
  // Null where a branch was deleted.
  const std::string name = reader.text_or_nothing({"head_commit", "author", "name"});
  const std::string address = reader.text_or_nothing({"head_commit", "author", "email"});
  push.author = address.empty() ? name : name + " <" + address + ">";
  push.message = reader.text_or_nothing({"head_commit", "message"});
  return reader.done(std::move(push));
}

Result<WebhookEvent> read_pull_request(Reader reader) {
  PullRequest request;
  request.repository = reader.text({"repository", "full_name"});
  request.clone_url = reader.text({"repository", "clone_url"});
  request.action = reader.text({"action"});
  request.number = reader.number({"number"});
  request.base_branch = reader.text({"pull_request", "base", "ref"});
  request.previous_base = reader.text_or_nothing({"changes", "base", "ref", "from"});
  request.head_repository = reader.text_or_nothing({"pull_request", "head", "repo", "full_name"});
  request.head_branch = reader.text({"pull_request", "head", "ref"});
  request.commit = reader.commit({"pull_request", "head", "sha"});
  request.author = reader.text_or_nothing({"pull_request", "user", "login"});
  request.title = reader.text({"pull_request", "title"});
  request.updated_at = reader.milliseconds({"pull_request", "updated_at"});
  return reader.done(std::move(request));
}

Result<WebhookEvent> read_deletion(Reader reader) {
  Deletion deletion;
  deletion.repository = reader.text({"repository", "full_name"});
  const std::string name = reader.text({"ref"});
  if (reader.text({"ref_type"}) == "branch") deletion.branch = name;
  deletion.pushed_at = reader.milliseconds({"repository", "pushed_at"});
  return reader.done(std::move(deletion));
}

}  // namespace

bool is_signed(std::string_view body, std::string_view signature,
               std::span<const std::string> secrets) {
  if (!signature.starts_with(kSignaturePrefix)) return false;
  const std::string_view given = signature.substr(kSignaturePrefix.size());
  // Known without the body, which may be large.
  if (given.size() != kDigestDigits) return false;
  bool fits = false;
  for (const std::string& secret : secrets) {
    // An empty key would make a signature that anybody can make.
    if (secret.empty()) continue;
    fits = equal_in_constant_time(to_hex(hmac_sha256(secret, body)), given) || fits;
  }
  return fits;
}

Result<WebhookEvent> read_webhook_event(std::string_view event, std::string_view body) {
  const auto payload = doc::parse_json(body, kLimits);
  if (!payload) {
    return fail(ErrorCode::usage, "the body is no JSON: " + payload.error().message,
                "set the webhook's content type to application/json");
  }
  if (!payload->is_object()) return fail(ErrorCode::usage, "the body is no JSON object");
  Reader reader(event, *payload);
  if (event == "ping")
    return reader.done(Ping{reader.text_or_nothing({"repository", "full_name"})});
  if (event == "push") return read_push(reader);
  if (event == "pull_request") return read_pull_request(reader);
  if (event == "delete") return read_deletion(reader);
  return WebhookEvent(OtherEvent{std::string(event)});
}

}  // namespace aphex::server
