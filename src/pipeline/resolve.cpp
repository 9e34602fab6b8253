// resolve(): layers and configuration → Settings. Every problem is found in one pass.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/regions.hpp"
#include "doc/value.hpp"
#include "pipeline/names.hpp"
#include "pipeline/setting_checks.hpp"
#include "pipeline/settings.hpp"
#include "plan/metrics.hpp"

namespace aphex::pipeline {
namespace {

constexpr std::size_t kMaxRoleName = 64;
constexpr std::size_t kMaxStackName = 128;
constexpr std::size_t kMaxTopicName = 256;
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kProviderMark = ":oidc-provider/";

Layer file_layer(const config::Config& config) {
  Layer layer = layer_of(LayerKind::file, config.pipeline.stack_settings);
  if (!config.pipeline.name.empty()) layer.values["name"] = config.pipeline.name;
  if (config.pipeline.bootstrap_qualifier != config::Pipeline{}.bootstrap_qualifier) {
    layer.values["bootstrapQualifier"] = config.pipeline.bootstrap_qualifier;
  }
  return layer;
}

std::string or_else(std::string given, std::string derived) {
  return given.empty() ? std::move(derived) : std::move(given);
}

std::string issuer_of(const Chosen& chosen) {
  std::string issuer = chosen.text("oidcIssuer");
  if (issuer.starts_with(kHttps)) issuer.erase(0, kHttps.size());
  if (!issuer.empty()) return issuer;
  const std::string provider = chosen.text("oidcProviderArn");
  const std::size_t at = provider.find(kProviderMark);
  return at == std::string::npos ? std::string() : provider.substr(at + kProviderMark.size());
}

int number(const Chosen& chosen, std::string_view key) {
  const Value* value = chosen.find(key);
  return value != nullptr && value->as_int() != nullptr ? static_cast<int>(*value->as_int()) : 0;
}

std::map<std::string, std::string> texts(const Chosen& chosen, std::string_view key) {
  std::map<std::string, std::string> map;
  const Value* value = chosen.find(key);
  if (value == nullptr || !value->is_object()) return map;
  for (const auto& [name, text] : *value->as_object()) {
    if (text.is_string()) map.emplace(name, *text.as_string());
  }
  return map;
}

argo::Exposure exposure_of(const Chosen& chosen) {
  const std::string type = chosen.text("webhook.type");
  if (type == "ingress") {
    return argo::IngressExposure{.host = chosen.text("webhook.host"),
                                 .ingress_class = chosen.text("webhook.ingressClassName"),
                                 .certificate_arn = chosen.text("webhook.certificateArn"),
                                 .annotations = texts(chosen, "webhook.annotations")};
  }
  if (type == "loadbalancer") {
    return argo::LoadBalancerExposure{.certificate_arn = chosen.text("webhook.certificateArn"),
                                      .annotations = texts(chosen, "webhook.annotations")};
  }
  return argo::NoExposure{};
}

argo::PullRequests pull_requests_of(const Chosen& chosen) {
  const std::string word = chosen.text("pullRequests");
  if (word == "ignore") return argo::PullRequests::ignore;
  return word == "build" ? argo::PullRequests::build : argo::PullRequests::validate;
}

std::map<std::string, argo::Resources> resources_of(const Chosen& chosen) {
  std::map<std::string, argo::Resources> map;
  const Value* value = chosen.find("resources");
  if (value == nullptr || !value->is_object()) return map;
  for (const auto& [stage, wanted] : *value->as_object()) {
    map[stage] = {.cpu_request = wanted.string_or("cpuRequest", ""),
                  .memory_request = wanted.string_or("memoryRequest", ""),
                  .cpu_limit = wanted.string_or("cpuLimit", ""),
                  .memory_limit = wanted.string_or("memoryLimit", "")};
  }
  return map;
}

// CloudFormation's begin with a letter; a pipeline's, as a repository's, may begin with a digit.
std::string stack_name(const std::string& pascal) {
  const bool letter_first = pascal.front() >= 'A' && pascal.front() <= 'Z';
  return bounded_name((letter_first ? "" : "Aphex") + pascal + "PipelineStack", kMaxStackName);
}

argo::Settings kubernetes_of(const Chosen& chosen, const Settings& settings) {
  argo::Settings kubernetes;
  kubernetes.pipeline = settings.name;
  kubernetes.cluster = settings.cluster_name;
  kubernetes.name_space = chosen.text("namespace");
  kubernetes.events_name_space = chosen.text("eventsNamespace");
  kubernetes.names.workflow_template = chosen.text("workflowTemplateName");
  kubernetes.names.event_source = chosen.text("eventSourceName");
  kubernetes.names.sensor = chosen.text("sensorName");
  kubernetes.names.executor_account = chosen.text("serviceAccountName");
  if (auto version = argo::parse_argo_version(chosen.text("argoVersion"))) {
    kubernetes.argo = *version;
  }
  kubernetes.event_bus = chosen.text("eventBusName");
  kubernetes.github = {.owner = chosen.text("githubOwner"),
                       .repository = chosen.text("githubRepo"),
                       .branch = chosen.text("githubBranch")};
  kubernetes.config_path = chosen.text("configPath");
  kubernetes.pull_requests = pull_requests_of(chosen);
  kubernetes.forks = chosen.text("forks") == "accept" ? argo::Forks::accept : argo::Forks::ignore;
  const std::string host = chosen.text("webhook.host");
  kubernetes.webhook = {
      .exposure = exposure_of(chosen),
      .path = or_else(chosen.text("webhook.path"), "/" + settings.name),
      .public_url = or_else(chosen.text("webhook.publicUrl"),
                            host.empty() ? std::string() : std::string(kHttps) + host)};
  kubernetes.webhook_secret.secret = settings.webhook_secret;
  kubernetes.github_token =
      argo::SecretSource{.key = "token", .secret = settings.github_token_secret, .json_key = {}};
  kubernetes.account = settings.account;
  kubernetes.region = settings.region;
  kubernetes.execution_role_arn = settings.workflow_role_arn();
  kubernetes.artifact_bucket = settings.artifact_bucket;
  kubernetes.images = texts(chosen, "images");
  kubernetes.resources = resources_of(chosen);
  kubernetes.log_group = settings.log_group;
  kubernetes.metric_namespace = plan::kMetricNamespace;
  kubernetes.notification_topic_arn = settings.topic_arn();
  kubernetes.argo_server_url = chosen.text("argoServerUrl");
  kubernetes.names = argo::names_of(kubernetes);
  return kubernetes;
}

Settings settings_of(const Chosen& chosen, const plan::Plan& plan) {
  const plan::Environment& first = plan.environments.front();
  Settings settings;
  settings.name = plan.pipeline;
  const std::string pascal = pascal_name(settings.name);
  settings.stack_name = or_else(chosen.text("stackName"), stack_name(pascal));
  settings.account = or_else(chosen.text("account"), first.account);
  settings.region = or_else(chosen.text("region"), first.region);
  settings.partition = config::partition_of(settings.region);
  settings.environment_tag = chosen.text("environmentTag");
  settings.bootstrap_qualifier = plan.bootstrap_qualifier;
  settings.cluster_name = chosen.text("clusterName");
  settings.export_prefix =
      or_else(chosen.text("clusterExportPrefix"), "AphexCluster-" + settings.cluster_name + "-");
  settings.oidc_issuer = issuer_of(chosen);
  settings.oidc_provider_arn = chosen.text("oidcProviderArn");
  settings.kubectl_role_arn =
      or_else(chosen.text("pipelineCreatorRoleArn"), chosen.text("kubectlRoleArn"));
  settings.github_token_secret = chosen.text("githubTokenSecretName");
  settings.webhook_secret = "aphex/" + settings.name + "/webhook";
  const std::string base = or_else(chosen.text("artifactBucketName"), settings.name + "-artifacts");
  settings.artifact_bucket =
      bucket_name({.base = base, .account = settings.account, .region = settings.region});
  settings.retention_days = number(chosen, "artifactRetentionDays");
  settings.workflow_role_name =
      or_else(chosen.text("workflowRoleName"),
              bounded_name(pascal + "WorkflowExecutionRole", kMaxRoleName));
  settings.permissions_boundary_arn = chosen.text("permissionsBoundaryArn");
  settings.kms_key_arn = chosen.text("kmsKeyArn");
  settings.alarm_topic_arn = chosen.text("alarmTopicArn");
  settings.alarm_topic_name = bounded_name(settings.name + "-alarms", kMaxTopicName);
  settings.long_running_after =
      config::parse_duration(chosen.text("longRunningAfter")).value_or(std::chrono::hours(2));
  settings.log_group = "/aphex/" + settings.name;
  settings.log_retention_days = number(chosen, "logRetentionDays");
  const Value* trail = chosen.find("auditTrail");
  const bool recorded = trail != nullptr && trail->as_bool() != nullptr && *trail->as_bool();
  settings.audit_trail = recorded ? AuditTrail::on : AuditTrail::off;
  settings.trail_bucket = bucket_name(
      {.base = settings.name + "-audit", .account = settings.account, .region = settings.region});
  settings.kubernetes = kubernetes_of(chosen, settings);
  return settings;
}

// What the layers say that a later commit does not bring along, later ones over earlier ones.
// Nothing where a program has a say: only it can make the stack.
std::optional<std::map<std::string, std::string>> given_of(const std::vector<Layer>& layers) {
  std::map<std::string, std::string> given;
  for (const Layer& layer : layers) {
    if (layer.kind == LayerKind::file) continue;
    if (layer.kind == LayerKind::code && !layer.values.empty()) return std::nullopt;
    for (const auto& [key, value] : layer.values)
      given[key] = value.is_string() ? *value.as_string() : doc::to_json(value);
  }
  return given;
}

}  // namespace

std::string arn(const Settings& settings, const ArnOf& parts) {
  return fmt::format("arn:{}:{}:{}:{}:{}", settings.partition, parts.service, parts.region,
                     parts.account, parts.resource);
}

std::string Settings::workflow_role_arn() const {
  return arn(*this, {.service = "iam",
                     .region = "",
                     .account = account,
                     .resource = "role/" + workflow_role_name});
}

std::string Settings::topic_arn() const {
  if (!alarm_topic_arn.empty()) return alarm_topic_arn;
  return arn(
      *this,
      {.service = "sns", .region = region, .account = account, .resource = alarm_topic_name});
}

Resolution resolve(const config::Config& config, std::string_view repository_name,
                   std::vector<Layer> layers) {
  layers.push_back(file_layer(config));
  std::stable_sort(layers.begin(), layers.end(),
                   [](const Layer& a, const Layer& b) { return a.kind < b.kind; });
  Choice choice = choose(layers);

  config::Config effective = config;
  effective.pipeline.name = or_else(choice.chosen.text("name"), pipeline_name(repository_name));
  effective.pipeline.bootstrap_qualifier = choice.chosen.text("bootstrapQualifier");
  plan::Plan plan = plan::make_plan(effective, repository_name);
  Settings settings = settings_of(choice.chosen, plan);
  settings.kubernetes.given = given_of(layers);

  Resolution resolution;
  resolution.problems = std::move(choice.problems);
  check_settings({choice.chosen, settings, plan}, resolution.problems);
  if (!resolution.problems.empty()) return resolution;
  resolution.settings = std::move(settings);
  resolution.plan = std::move(plan);
  return resolution;
}

}  // namespace aphex::pipeline
