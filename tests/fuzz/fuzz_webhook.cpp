// Any bytes from GitHub. As a delivery: as its body under each event, as its headers, as the
// request line of an address; as what its API answers, with a header of the same text. Nothing
// crashes, hangs, is accepted without a signature, or says the token that an answer quotes.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.hpp"
#include "doc/value.hpp"
#include "engine/run_scope.hpp"
#include "fuzz/require.hpp"
#include "fuzz/scratch.hpp"
#include "fuzz/scripted_http.hpp"
#include "server/notify/github_client.hpp"
#include "server/notify/http_answer.hpp"
#include "server/route.hpp"
#include "server/webhook/github_webhook.hpp"
#include "server/webhook/webhook_endpoint.hpp"

namespace {

using namespace aphex;          // NOLINT(google-build-using-namespace): two folders of it
using namespace aphex::server;  // NOLINT(google-build-using-namespace)
using fuzz::require;

constexpr std::string_view kApiToken = "ghp_TokenOfTheFuzzerThatNobodySays";
constexpr os::WallTime kNow{std::chrono::milliseconds(1'769'847'330'000)};
constexpr std::chrono::milliseconds kLongestWait{3'600'000};
constexpr std::size_t kMostSaid = 2'000;  // bytes of the 300 characters of an error
constexpr std::string_view kSecret = "a-secret-of-thirty-two-characters";

const ServerConfig& config() {
  static const ServerConfig made = [] {
    ServerConfig config;
    ServedPipeline& pipeline = config.pipelines.emplace_back();
    pipeline.name = "app";
    pipeline.repository = "acme/app";
    pipeline.webhook_secrets = {std::string(kSecret)};
    pipeline.forks = Forks::accept;
    pipeline.branches.emplace();
    pipeline.branches->patterns = {"feature/*", "[a-z]?/**"};
    return config;
  }();
  return made;
}

HttpRequest delivery(std::string_view event, std::string_view body, std::string signature) {
  HttpRequest request;
  request.method = "POST";
  request.path = std::string(kWebhookPath);
  request.body = std::string(body);
  request.headers = {{"X-GitHub-Event", std::string(event)},
                     {"X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
                     {"X-Hub-Signature-256", std::move(signature)},
                     {"Content-Type", "application/json"}};
  return request;
}

void check(const WebhookDecision& decision) {
  require(decision.status >= 200 && decision.status < 600);
  require(decision.runs.empty() || decision.delivery.verdict == Verdict::accepted);
  require(decision.delivery.verdict != Verdict::rejected || decision.status >= 400);
  require(!decision.delivery.reason.empty());
  // All of it is stored and shown as text.
  (void)doc::to_json(doc::Value(decision.delivery.reason));
  for (const DeliveryStore::NewEntry& run : decision.runs) {
    require(run.entry.pipeline == "app");
    require(run.entry.kind == EntryKind::teardown || is_hex(run.entry.commit, 40));
    require(!run.entry.lane().empty());
    if (run.entry.kind == EntryKind::push && run.entry.branch != "main")
      require(run.entry.branch_id == engine::branch_id(run.entry.branch));
  }
}

void deliver(std::string_view body) {
  const std::string signature = "sha256=" + to_hex(hmac_sha256(kSecret, body));
  for (const std::string_view event : {"push", "pull_request", "delete", "ping", "star"}) {
    check(decide(config(), delivery(event, body, signature)));
    require(decide(config(), delivery(event, body, "")).delivery.verdict == Verdict::rejected);
  }
}

// The bytes as what a stranger writes into the headers.
void forge(std::string_view text) {
  HttpRequest request = delivery("push", "{}", std::string(text));
  require(decide(config(), request).delivery.verdict == Verdict::rejected);
  const std::string body = "{\"ref\":1}";
  request = delivery(text, body, "sha256=" + to_hex(hmac_sha256(kSecret, body)));
  request.headers.emplace_back("X-GitHub-Delivery", std::string(text));
  check(decide(config(), request));
}

void route(std::string_view path) {
  static const std::vector<Route> routes = all_routes();
  for (const Route& each : routes) {
    std::vector<std::string> parts;
    if (fits(each, path, parts)) require(parts.size() <= 8);
  }
}

void name(std::string_view branch) {
  const std::string id = engine::branch_id(branch);
  require(id.size() <= 31 &&
          id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
  require(id.front() != '-' && id.back() != '-');
}

void check_waits(const aws::HttpResponse& response) {
  const auto wait = notify::wish_to_wait(response, kNow);
  require(!wait || (wait->count() >= 0 && *wait <= kLongestWait));
  (void)notify::may_pass(response);
  const std::string said = notify::what_it_said(response);
  require(!said.empty() && said.size() < kMostSaid && said.find('\n') == std::string::npos);
}

void refuse_to_say_the_token(const notify::Telling& telling) {
  const auto* not_yet = std::get_if<notify::NotYet>(&telling);
  const auto* never = std::get_if<notify::Never>(&telling);
  require(not_yet != nullptr || never != nullptr);
  const std::string text = describe(not_yet != nullptr ? not_yet->error : never->error);
  require(!text.empty() && text.find(kApiToken) == std::string::npos, text);
}

// As what GitHub's API answers.
void answer(std::string_view text) {
  static const fuzz::Scratch scratch;
  static const std::filesystem::path token = scratch.write("token", kApiToken);
  const std::string line(text.substr(0, text.find_first_of("\r\n")));
  for (const char* name : {"retry-after", "x-ratelimit-reset"}) {
    check_waits({.status = 403,
                 .headers = {{"x-ratelimit-remaining", "0"}, {name, line}},
                 .body = std::string(text)});
  }
  const auto http = std::make_shared<fuzz::ScriptedHttp>();
  notify::Surroundings surroundings;
  surroundings.http = http;
  surroundings.clock = std::make_shared<os::FakeClock>(kNow);
  notify::GitHubIdentity identity;
  identity.token = notify::SecretFile(token);
  notify::GitHubClient client(identity, surroundings);
  for (const int status : {200, 401, 403, 404, 422, 429, 502}) {
    http->answer(status, std::string(text));
    const auto answered = client.call({.method = "GET",
                                       .repository = "acme/app",
                                       .path = "/statuses",
                                       .right = "Commit statuses: write"},
                                      os::CancelToken());
    if (!answered) refuse_to_say_the_token(answered.error());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  deliver(text);
  forge(text);
  route(text);
  name(text);
  answer(text);
  return 0;
}
