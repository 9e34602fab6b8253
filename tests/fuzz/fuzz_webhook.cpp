// Any bytes as a delivery of GitHub: as its body under each event, as its headers, as the request
// line of an address. Nothing crashes, hangs, or is accepted without a signature.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.hpp"
#include "doc/value.hpp"
#include "engine/run_scope.hpp"
#include "fuzz/require.hpp"
#include "server/route.hpp"
#include "server/webhook/github_webhook.hpp"
#include "server/webhook/webhook_endpoint.hpp"

namespace {

using namespace aphex;          // NOLINT(google-build-using-namespace): two folders of it
using namespace aphex::server;  // NOLINT(google-build-using-namespace)
using fuzz::require;

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  deliver(text);
  forge(text);
  route(text);
  name(text);
  return 0;
}
