#include "pipeline/code_layer.hpp"

#include <utility>

namespace aphex::pipeline {
namespace {

class Writer {
 public:
  void text(const char* key, const std::string& value) {
    if (!value.empty()) layer_.values.emplace(key, value);
  }
  void number(const char* key, std::optional<int> value) {
    if (value) layer_.values.emplace(key, *value);
  }
  void boolean(const char* key, std::optional<bool> value) {
    if (value) layer_.values.emplace(key, *value);
  }
  void texts(const char* key, const std::map<std::string, std::string>& values) {
    if (values.empty()) return;
    Value object = Value::object();
    for (const auto& [name, value] : values)
      object.set(name, value);
    layer_.values.emplace(key, std::move(object));
  }
  void resources(const std::map<std::string, StageResources>& values) {
    if (values.empty()) return;
    Value object = Value::object();
    for (const auto& [stage, wanted] : values) {
      Value of = Value::object();
      for (const auto& [key, text] : {std::pair("cpuRequest", &wanted.cpu_request),
                                      std::pair("memoryRequest", &wanted.memory_request),
                                      std::pair("cpuLimit", &wanted.cpu_limit),
                                      std::pair("memoryLimit", &wanted.memory_limit)}) {
        if (!text->empty()) of.set(key, *text);
      }
      object.set(stage, std::move(of));
    }
    layer_.values.emplace("resources", std::move(object));
  }
  Layer take() { return std::move(layer_); }

 private:
  Layer layer_{.kind = LayerKind::code};
};

void write_cluster(Writer& writer, const PipelineSettings& settings) {
  writer.text("clusterName", settings.cluster_name);
  writer.text("clusterExportPrefix", settings.cluster_export_prefix);
  writer.text("oidcProviderArn", settings.oidc_provider_arn);
  writer.text("oidcIssuer", settings.oidc_issuer);
  writer.text("kubectlRoleArn", settings.kubectl_role_arn);
  writer.text("pipelineCreatorRoleArn", settings.pipeline_creator_role_arn);
  writer.text("namespace", settings.kubernetes_namespace);
  writer.text("eventsNamespace", settings.events_namespace);
  writer.text("eventBusName", settings.event_bus_name);
  writer.text("serviceAccountName", settings.service_account_name);
  writer.text("workflowTemplateName", settings.workflow_template_name);
  writer.text("eventSourceName", settings.event_source_name);
  writer.text("sensorName", settings.sensor_name);
  writer.text("argoVersion", settings.argo_version);
  writer.text("argoServerUrl", settings.argo_server_url);
  writer.texts("images", settings.images);
  writer.resources(settings.resources);
}

void write_webhook(Writer& writer, const WebhookSettings& webhook) {
  writer.text("webhook.type", webhook.type);
  writer.text("webhook.host", webhook.host);
  writer.text("webhook.publicUrl", webhook.public_url);
  writer.text("webhook.path", webhook.path);
  writer.text("webhook.certificateArn", webhook.certificate_arn);
  writer.text("webhook.ingressClassName", webhook.ingress_class_name);
  writer.texts("webhook.annotations", webhook.annotations);
}

}  // namespace

Layer code_layer(const PipelineSettings& settings) {
  Writer writer;
  writer.text("name", settings.name);
  writer.text("bootstrapQualifier", settings.bootstrap_qualifier);
  writer.text("account", settings.account);
  writer.text("region", settings.region);
  writer.text("stackName", settings.stack_name);
  writer.text("environmentTag", settings.environment_tag);
  writer.text("githubOwner", settings.github_owner);
  writer.text("githubRepo", settings.github_repo);
  writer.text("githubBranch", settings.github_branch);
  writer.text("githubTokenSecretName", settings.github_token_secret_name);
  writer.text("artifactBucketName", settings.artifact_bucket_name);
  writer.number("artifactRetentionDays", settings.artifact_retention_days);
  writer.text("configPath", settings.config_path);
  writer.text("workflowRoleName", settings.workflow_role_name);
  writer.text("pullRequests", settings.pull_requests);
  writer.text("forks", settings.forks);
  writer.text("permissionsBoundaryArn", settings.permissions_boundary_arn);
  writer.text("kmsKeyArn", settings.kms_key_arn);
  writer.text("alarmTopicArn", settings.alarm_topic_arn);
  writer.text("longRunningAfter", settings.long_running_after);
  writer.number("logRetentionDays", settings.log_retention_days);
  writer.boolean("auditTrail", settings.audit_trail);
  write_cluster(writer, settings);
  write_webhook(writer, settings.webhook);
  return writer.take();
}

}  // namespace aphex::pipeline
