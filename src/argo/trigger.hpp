#pragma once
// From GitHub's webhook to a workflow: EventSource, Sensors, the Service and Ingress before them.

#include <cstdint>
#include <vector>

#include "argo/context.hpp"
#include "argo/objects.hpp"

namespace aphex::argo {

inline constexpr int kWebhookPort = 12000;
// GitHub sends at most 25 MB.
// docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
inline constexpr std::int64_t kMaxPayloadBytes = 25 << 20;
inline constexpr std::string_view kEventName = "github";
inline constexpr std::string_view kWebhookComponent = "webhook";
inline constexpr std::string_view kSensorComponent = "sensor";

// The path of the webhook: several pipelines may share a host.
std::string webhook_path(const Settings& settings);
// scheme://host that the hook is registered under; empty where none is known.
std::string webhook_url(const Settings& settings);

// The Service, and the Ingress where there is one.
std::vector<Object> exposure(const Context& context);
doc::Value event_source(const Context& context);
// For pushes; and one for pull requests where they are taken. Two, because a Sensor on a NATS
// streaming bus may not name the same event twice.
std::vector<Object> sensors(const Context& context);

}  // namespace aphex::argo
