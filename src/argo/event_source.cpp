// The EventSource, and how GitHub reaches it.

#include <fmt/format.h>

#include "argo/trigger.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

Value key_of(std::string_view secret, std::string_view key) {
  return Value::object({{"name", secret}, {"key", key}});
}

// Of the pods that Argo Events makes for an EventSource or a Sensor.
Value pod_template(const Context& context, std::string_view account, std::string_view component) {
  Value container = Value::object(
      {{"resources",
        Value::object({{"requests", Value::object({{"cpu", "10m"}, {"memory", "64Mi"}})},
                       {"limits", Value::object({{"cpu", "500m"}, {"memory", "512Mi"}})}})},
       {"securityContext", container_security()}});
  return Value::object({{"serviceAccountName", account},
                        {"metadata", Value::object({{"labels", pod_labels(context, component)}})},
                        {"securityContext", pod_security()},
                        {"container", std::move(container)}});
}

using Annotations = std::map<std::string, std::string>;

void annotate(Value& manifest, Annotations ours, const Annotations& given) {
  for (const auto& [key, value] : given)
    ours[key] = value;
  Value head = *manifest.find("metadata");
  Value annotations = *head.find("annotations");
  for (const auto& [key, value] : ours)
    annotations.set(key, value);
  head.set("annotations", std::move(annotations));
  manifest.set("metadata", std::move(head));
}

// AWS Load Balancer Controller v2, guide/service/annotations and guide/ingress/annotations.
Annotations load_balancer_annotations(const LoadBalancerExposure& exposure) {
  Annotations ours{{"service.beta.kubernetes.io/aws-load-balancer-scheme", "internet-facing"},
                   {"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type", "ip"},
                   {"service.beta.kubernetes.io/aws-load-balancer-type", "external"}};
  if (!exposure.certificate_arn.empty()) {
    ours["service.beta.kubernetes.io/aws-load-balancer-ssl-cert"] = exposure.certificate_arn;
    ours["service.beta.kubernetes.io/aws-load-balancer-ssl-ports"] = "443";
  }
  return ours;
}

Annotations ingress_annotations(const IngressExposure& exposure) {
  if (exposure.certificate_arn.empty()) return {};
  return {{"alb.ingress.kubernetes.io/certificate-arn", exposure.certificate_arn},
          {"alb.ingress.kubernetes.io/listen-ports", R"([{"HTTPS":443}])"},
          {"alb.ingress.kubernetes.io/scheme", "internet-facing"},
          {"alb.ingress.kubernetes.io/target-type", "ip"}};
}

struct ServiceOf {
  std::string_view type = "ClusterIP";
  int port = kWebhookPort;
};

Object service(const Context& context, const ServiceOf& of) {
  Value made = object_head(context, "v1", "Service", context.names.webhook_service, Place::events);
  made.set("spec", Value::object(
                       {{"type", of.type},
                        {"selector", pod_labels(context, kWebhookComponent)},
                        {"ports", Value::array({Value::object({{"name", "webhook"},
                                                               {"port", of.port},
                                                               {"protocol", "TCP"},
                                                               {"targetPort", kWebhookPort}})})}}));
  return {.manifest = std::move(made), .secret_values = {}};
}

Object ingress(const Context& context, const IngressExposure& exposure) {
  Value made = object_head(context, "networking.k8s.io/v1", "Ingress",
                           context.names.webhook_service, Place::events);
  annotate(made, ingress_annotations(exposure), exposure.annotations);
  const Value backend = Value::object(
      {{"service", Value::object({{"name", context.names.webhook_service},
                                  {"port", Value::object({{"number", kWebhookPort}})}})}});
  const Value path = Value::object(
      {{"path", webhook_path(context.settings)}, {"pathType", "Exact"}, {"backend", backend}});
  Value spec = Value::object();
  if (!exposure.ingress_class.empty()) spec.set("ingressClassName", exposure.ingress_class);
  spec.set(
      "rules",
      Value::array({Value::object(
          {{"host", exposure.host}, {"http", Value::object({{"paths", Value::array({path})}})}})}));
  made.set("spec", std::move(spec));
  return {.manifest = std::move(made), .secret_values = {}, .wait_for = WaitFor::nothing};
}

struct Expose {
  const Context& context;

  std::vector<Object> operator()(const NoExposure&) const { return {service(context, {})}; }
  std::vector<Object> operator()(const IngressExposure& exposure) const {
    return {service(context, {}), ingress(context, exposure)};
  }
  std::vector<Object> operator()(const LoadBalancerExposure& exposure) const {
    Object balanced = service(
        context, {.type = "LoadBalancer", .port = exposure.certificate_arn.empty() ? 80 : 443});
    annotate(balanced.manifest, load_balancer_annotations(exposure), exposure.annotations);
    balanced.wait_for = WaitFor::load_balancer;
    return {std::move(balanced)};
  }
};

}  // namespace

std::string webhook_path(const Settings& settings) {
  return settings.webhook.path.empty() ? "/" + settings.pipeline : settings.webhook.path;
}

std::string webhook_url(const Settings& settings) {
  if (!settings.webhook.public_url.empty()) return settings.webhook.public_url;
  const auto* ingress_of = std::get_if<IngressExposure>(&settings.webhook.exposure);
  return ingress_of == nullptr ? std::string() : "https://" + ingress_of->host;
}

std::vector<Object> exposure(const Context& context) {
  return std::visit(Expose{context}, context.settings.webhook.exposure);
}

Value event_source(const Context& context) {
  const Settings& settings = context.settings;
  Value webhook = Value::object({{"endpoint", webhook_path(settings)},
                                 {"port", fmt::format("{}", kWebhookPort)},
                                 {"method", "POST"},
                                 {"maxPayloadSize", kMaxPayloadBytes}});
  const std::string url = webhook_url(settings);
  if (!url.empty()) webhook.set("url", url);

  Value events = Value::array({"push"});
  if (settings.pull_requests != PullRequests::ignore) events.push_back("pull_request");
  Value github = Value::object(
      {{"webhook", std::move(webhook)},
       {"repositories",
        Value::array({Value::object({{"owner", settings.github.owner},
                                     {"names", Value::array({settings.github.repository})}})})},
       {"events", events},
       {"active", true},
       {"contentType", "json"},
       {"insecure", false},
       // A hook that stays is found again; one that goes with a pod is missing while it restarts.
       {"deleteHookOnFinish", false},
       {"webhookSecret", key_of(context.names.webhook_secret, settings.webhook_secret.key)}});
  // Argo registers the hook where it has a token and knows the address.
  if (settings.github_token && !url.empty()) {
    github.set("apiToken", key_of(context.names.github_token_secret, settings.github_token->key));
  }
  // The handler itself takes every event, pings included.
  github.set(
      "filter",
      Value::object({{"expression", "body[\"X-GitHub-Event\"] in " + doc::to_json(events)}}));

  Value made = object_head(context, "argoproj.io/v1alpha1", "EventSource",
                           context.names.event_source, Place::events);
  made.set("spec",
           Value::object({{"eventBusName", settings.event_bus},
                          {"replicas", 1},
                          {"template", pod_template(context, context.names.event_source_account,
                                                    kWebhookComponent)},
                          {"github", Value::object({{std::string(kEventName), github}})}}));
  return made;
}

Value sensor_pod_template(const Context& context) {
  return pod_template(context, context.names.sensor_account, kSensorComponent);
}

}  // namespace aphex::argo
