// What people and other stacks ask a pipeline's stack for. Nothing is exported under a fixed name:
// several pipelines of one account and region would collide.
#include <algorithm>

#include <fmt/format.h>

#include "pipeline/resource_table.hpp"

namespace aphex::pipeline::resources {
namespace {

struct OutputText {
  std::string id;
  std::string description;
};

void output(StackParts& parts, OutputText text, Value value) {
  auto& made = parts.scope.make<CfnOutput>(
      text.id, CfnOutputProps{
                   .value = std::move(value), .description = text.description, .export_name = {}});
  // The design's names, without the path that a logical id has otherwise.
  made.override_logical_id(text.id);
}

// The port under which the Service of the webhook listens; 0 where there is no Service.
std::int64_t service_port(const std::vector<argo::Object>& objects, std::string_view name) {
  for (const argo::Object& object : objects) {
    if (object.kind() != "Service" || object.name() != name) continue;
    const Value* ports = object.manifest.find({"spec", "ports"});
    if (ports == nullptr || !ports->is_array() || ports->as_array()->empty()) continue;
    const Value* port = ports->as_array()->front().find("port");
    if (port != nullptr && port->as_int() != nullptr) return *port->as_int();
  }
  return 0;
}

// A public address where one is configured, else the load balancer's own name, else the address
// within the cluster.
Value webhook_url(const StackParts& parts) {
  const argo::Settings& kubernetes = parts.settings.kubernetes;
  const argo::Webhook& webhook = kubernetes.webhook;
  if (!webhook.public_url.empty()) return webhook.public_url + webhook.path;
  if (parts.load_balancer != nullptr) {
    const auto* exposure = std::get_if<argo::LoadBalancerExposure>(&webhook.exposure);
    const bool tls = exposure != nullptr && !exposure->certificate_arn.empty();
    return concat(
        {tls ? "https://" : "http://", parts.load_balancer->get_att("Hostname"), webhook.path});
  }
  const std::string& service = kubernetes.names.webhook_service;
  return fmt::format("http://{}.{}.svc:{}{}", service, argo::events_name_space(kubernetes),
                     service_port(parts.objects, service), webhook.path);
}

}  // namespace

void add_outputs(StackParts& parts) {
  parts.webhook_url = webhook_url(parts);
  const bool in_cluster =
      parts.settings.kubernetes.webhook.public_url.empty() && parts.load_balancer == nullptr;
  output(parts,
         {"WebhookUrl", in_cluster ? "Address of the webhook within the cluster; nothing exposes it"
                                   : "Address that GitHub sends its events to"},
         parts.webhook_url);
  output(parts, {"ArtifactBucketName", "Bucket of the artifacts"}, parts.bucket->ref());
  output(parts, {"WorkflowExecutionRoleArn", "Role that stages run as"},
         parts.workflow_role->arn());
  output(parts, {"WorkflowTemplateName", "WorkflowTemplate that a push starts"},
         parts.settings.kubernetes.names.workflow_template);
  output(parts,
         {"WebhookSecretArn", "Secret that GitHub signs its events with; its value is not here"},
         parts.webhook_secret->arn());
  output(parts, {"AlarmTopicArn", "Topic that alarms are sent to"}, parts.alarm_topic);
}

}  // namespace aphex::pipeline::resources
