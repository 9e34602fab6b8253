#include "server/notify/http_answer.hpp"

#include <algorithm>
#include <charconv>

#include "aws/dates.hpp"
#include "aws/uri.hpp"
#include "doc/value.hpp"

namespace aphex::server::notify {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{3'600'000};
constexpr std::size_t kSaidCharacters = 300;
constexpr int kTimeout = 408;
constexpr int kTooEarly = 425;
constexpr int kTooMany = 429;
constexpr int kForbidden = 403;
constexpr int kServerError = 500;
constexpr int kRedirects = 3;  // 3xx
constexpr std::size_t kHostCharacters = 255;

std::string header(const aws::HttpResponse& response, const std::string& name) {
  const auto found = response.headers.find(name);
  return found == response.headers.end() ? std::string() : found->second;
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || value < 0) return std::nullopt;
  return value;
}

milliseconds bounded(std::int64_t seconds) {
  return milliseconds(std::clamp<std::int64_t>(seconds, 0, kLongestWait.count() / 1000) * 1000);
}

}  // namespace

std::optional<milliseconds> wish_to_wait(const aws::HttpResponse& response, os::WallTime now) {
  const auto seconds_now =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::string after = header(response, "retry-after");
  if (const auto seconds = number(after)) return bounded(*seconds);
  if (const auto date = aws::parse_http_time(after)) {
    const auto then =
        std::chrono::duration_cast<std::chrono::seconds>(date->time_since_epoch()).count();
    return bounded(then - seconds_now);
  }
  if (header(response, "x-ratelimit-remaining") == "0") {
    if (const auto reset = number(header(response, "x-ratelimit-reset")))
      return bounded(*reset - seconds_now + 1);
  }
  return std::nullopt;
}

bool may_pass(const aws::HttpResponse& response) {
  const int status = response.status;
  if (status >= kServerError || status == kTimeout || status == kTooEarly || status == kTooMany)
    return true;
  // GitHub's limits answer 403 with the time to wait; a refusal has none.
  return status == kForbidden && (!header(response, "retry-after").empty() ||
                                  header(response, "x-ratelimit-remaining") == "0");
}

NotYet no_answer(Error error) {
  return {.error = std::move(error), .sure = false};
}

std::string what_it_said(const aws::HttpResponse& response) {
  std::string said = response.body;
  if (const auto json = doc::parse_json(response.body)) {
    const std::string message = json->string_or("message", json->string_or("error", ""));
    if (!message.empty()) said = message;
  }
  said = one_line(said.substr(0, said.find('\n')), kSaidCharacters);
  return said.empty() ? "nothing" : "'" + said + "'";
}

std::optional<Redirect> redirect_of(const aws::HttpResponse& response, std::string_view asked) {
  if (response.status / 100 != kRedirects) return std::nullopt;
  const std::string location = header(response, "location");
  if (location.empty()) return Redirect{.host = "nowhere", .elsewhere = false};
  const auto from = aws::parse_url(asked);
  if (location.starts_with("//") || location.find("://") != std::string::npos) {
    const std::string scheme = location.starts_with("//") ? "https:" : "";
    const auto to = aws::parse_url(scheme + location);
    if (!to) return Redirect{.host = "an address that is none", .elsewhere = true};
    return Redirect{.host = one_line(to->authority, kHostCharacters),
                    .elsewhere = !from || from->origin() != to->origin()};
  }
  return Redirect{.host = from ? from->authority : "itself", .elsewhere = false};
}

Status check_endpoint(std::string_view url) {
  const auto parsed = aws::parse_url(url);
  if (!parsed) return fail(ErrorCode::invalid_config, "it is no address by http or https");
  if (parsed->scheme != "https" && !aws::is_loopback(parsed->host)) {
    return fail(ErrorCode::invalid_config,
                "it is no https address: a secret would go over the network as it is");
  }
  return {};
}

}  // namespace aphex::server::notify
