#pragma once
// POST /webhooks/github: what a delivery gets for an answer, and what it starts.

#include "server/http/http_server.hpp"
#include "server/webhook/delivery_store.hpp"
#include "server/webhook/github_webhook.hpp"

namespace aphex::server {

struct Site;

inline constexpr std::string_view kWebhookPath = "/webhooks/github";
// GitHub's cap of a payload.
inline constexpr std::size_t kMaxPayloadBytes = 25U << 20U;

struct WebhookDecision {
  unsigned status = 202;
  Delivery delivery;
  bool is_signed = false;                     // by a secret of this server
  std::vector<DeliveryStore::NewEntry> runs;  // of an accepted one
};

// Pure: nothing is recorded.
WebhookDecision decide(const ServerConfig& config, const HttpRequest& request);

// Of a delivery whose body was not read: it was too large, too slow, or cut off. Like others that
// nobody has signed it is recorded so long as its client sends few of them.
Status record_unread(Site& site, const HttpRequest& head, const HttpResponse& response);

}  // namespace aphex::server
