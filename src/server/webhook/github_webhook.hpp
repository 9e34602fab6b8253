#pragma once
// What GitHub sends to a webhook: who signed it, what it says. Pure.
//
// Sources: docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries and
// …/webhook-events-and-payloads (2025). Payloads reach 25 MB.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"

namespace aphex::server {

// Of the headers of a delivery; empty where one is missing.
struct DeliveryHead {
  std::string event;         // X-GitHub-Event
  std::string id;            // X-GitHub-Delivery
  std::string signature;     // X-Hub-Signature-256
  std::string content_type;  // without parameters
};

// Whether `signature` ("sha256=<hex>") is that of the body by any of the secrets. Several, so that
// a secret can be replaced while deliveries signed with the old one are still under way. Every
// secret is tried, whichever fits.
bool is_signed(std::string_view body, std::string_view signature,
               std::span<const std::string> secrets);

struct Ping {
  std::string repository;  // "owner/name"; empty for a hook of an organization
};

struct Push {
  std::string repository;
  std::string clone_url;
  std::string branch;  // empty: a tag, or something else that is no branch
  std::string commit;  // 40 lower-case hexadecimal digits
  std::string before;  // the commit that the branch was at; zeros where it is new
  std::optional<std::int64_t> pushed_at;  // milliseconds since 1970
  bool deleted = false;
  std::string author;  // "Name <address>" of the head commit; may be empty
  std::string message;
};

struct PullRequest {
  std::string repository;
  std::string clone_url;
  std::string action;  // "opened", "synchronize", …
  std::int64_t number = 0;
  std::string base_branch;
  std::string previous_base;    // of one that was edited, where that was its base
  std::string head_repository;  // empty: the fork is gone
  std::string head_branch;
  std::string commit;
  std::string author;  // login
  std::string title;
  std::optional<std::int64_t> updated_at;  // milliseconds since 1970
};

// A branch or a tag was deleted. A push says so too, where pushes are sent.
struct Deletion {
  std::string repository;
  std::string branch;  // empty: a tag
  std::optional<std::int64_t> pushed_at;
};

// An event that starts nothing here: "star", "issues", …
struct OtherEvent {
  std::string name;
};

using WebhookEvent = std::variant<Ping, Push, PullRequest, Deletion, OtherEvent>;

// The error says which member is missing or of another type than GitHub documents.
Result<WebhookEvent> read_webhook_event(std::string_view event, std::string_view body);

}  // namespace aphex::server
