#include "argo/network.hpp"

#include <optional>

#include <fmt/format.h>

#include "argo/templates.hpp"
#include "argo/trigger.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

// The node's own metadata, from which a pod would get the node's role. EKS Pod Identity has another
// address (169.254.170.23) and stays reachable.
// docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
constexpr std::string_view kMetadataV4 = "169.254.169.254/32";
constexpr std::string_view kMetadataV6 = "fd00:ec2::254/128";

Value anywhere_but_metadata() {
  const auto block = [](std::string_view all, std::string_view but) {
    return Value::object(
        {{"ipBlock", Value::object({{"cidr", all}, {"except", Value::array({but})}})}});
  };
  return Value::array({block("0.0.0.0/0", kMetadataV4), block("::/0", kMetadataV6)});
}

Value port(std::string_view protocol, int number) {
  return Value::object({{"protocol", protocol}, {"port", number}});
}

struct PolicyOf {
  std::string_view suffix;                      // of its name
  std::string_view component;                   // whose pods
  std::optional<Value> ingress = std::nullopt;  // nothing comes in
  Value egress;
  Place place = Place::workflows;
};

Object policy(const Context& context, PolicyOf of) {
  Value made = object_head(context, "networking.k8s.io/v1", "NetworkPolicy",
                           fmt::format("{}-{}", context.settings.pipeline, of.suffix), of.place);
  Value spec = Value::object(
      {{"podSelector", Value::object({{"matchLabels", pod_labels(context, of.component)}})},
       {"policyTypes", Value::array({"Ingress", "Egress"})}});
  // No rule is the same as an empty list, but the API server stores no empty one, and would see a
  // change in each apply.
  if (of.ingress) spec.set("ingress", *std::move(of.ingress));
  spec.set("egress", std::move(of.egress));
  made.set("spec", std::move(spec));
  return {.manifest = std::move(made), .secret_values = {}};
}

Value open_egress() {
  return Value::array({Value::object({{"to", anywhere_but_metadata()}})});
}

// A pull request's commands are written by whoever opened it: names and HTTPS only. 6443 is the API
// server's port where it has not the usual one; Argo's own container reports there.
Value narrow_egress() {
  return Value::array(
      {Value::object({{"ports", Value::array({port("UDP", 53), port("TCP", 53)})}}),
       Value::object({{"to", anywhere_but_metadata()},
                      {"ports", Value::array({port("TCP", 443), port("TCP", 6443)})}})});
}

}  // namespace

std::vector<Object> network_policies(const Context& context) {
  std::vector<Object> objects;
  objects.push_back(
      policy(context, {.suffix = "stages", .component = kStageComponent, .egress = open_egress()}));
  if (context.settings.pull_requests != PullRequests::ignore) {
    objects.push_back(policy(context, {.suffix = "pull-requests",
                                       .component = kPullRequestComponent,
                                       .egress = narrow_egress()}));
  }
  objects.push_back(policy(context, {.suffix = "webhook",
                                     .component = kWebhookComponent,
                                     .ingress = Value::array({Value::object(
                                         {{"ports", Value::array({port("TCP", kWebhookPort)})}})}),
                                     .egress = open_egress(),
                                     .place = Place::events}));
  objects.push_back(policy(context, {.suffix = "sensor",
                                     .component = kSensorComponent,
                                     .egress = open_egress(),
                                     .place = Place::events}));
  return objects;
}

}  // namespace aphex::argo
