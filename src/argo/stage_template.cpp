#include "argo/stage_template.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "argo/dialect.hpp"
#include "argo/gate.hpp"
#include "argo/stage_interface.hpp"
#include "argo/templates.hpp"
#include "config/regions.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

// Where no image is configured. The tag is the interface's version, see stage_interface.hpp.
constexpr std::string_view kDefaultImage = "public.ecr.aws/aphex/pipeline:1";

const Resources kStageResources{"500m", "1Gi", "2", "4Gi"};
// The exit handler and the init container that clones.
const Resources kSmallResources{"100m", "128Mi", "1", "512Mi"};

// A pod that was lost, our own "try again" and a node that gave up: nothing of a user's command.
// kubelet's own words, pkg/kubelet/{eviction,nodeshutdown,preemption}; the message of a failed
// container begins with its name instead. 130 is that of a stage that got SIGTERM: its node is
// drained. Whoever stops the workflow sends SIGTERM too, but then Argo tries nothing again.
constexpr std::string_view kRetryExpression =
    "lastRetry.status == \"Error\" || asInt(lastRetry.exitCode) == 75 || lastRetry.message matches "
    "\"^(The node was low on resource|Pod was terminated in response to imminent node shutdown|"
    "Preempted in order to admit critical pod|main: [^:]*[(]exit code 130[)])\"";
static_assert(kExitInfrastructure == 75 && kExitTerminated == 130, "named in kRetryExpression");

class EnvironmentList {
 public:
  void add(std::string_view name, std::string_view value) {
    list_.push_back(Value::object({{"name", name}, {"value", value}}));
  }
  void add_if_set(std::string_view name, std::string_view value) {
    if (!value.empty()) add(name, value);
  }
  Value take() { return std::move(list_); }

 private:
  Value list_ = Value::array();
};

std::string parameter(std::string_view name) {
  return fmt::format("{{{{workflow.parameters.{}}}}}", name);
}

std::string input(std::string_view name) {
  return fmt::format("{{{{inputs.parameters.{}}}}}", name);
}

std::string_view variable_of(Parameter parameter) {
  switch (parameter) {
    case Parameter::commit_sha:
      return kEnvCommitSha;
    case Parameter::repository_url:
      return kEnvRepositoryUrl;
    case Parameter::branch:
      return kEnvBranch;
    case Parameter::author:
      return kEnvAuthor;
    case Parameter::message:
      return kEnvMessage;
  }
  return kEnvMessage;
}

void add_common(EnvironmentList& list, const Context& context) {
  const Settings& settings = context.settings;
  for (const ParameterName& known : kParameters)
    list.add(variable_of(known.parameter), parameter(known.name));
  list.add(kEnvPipeline, settings.pipeline);
  list.add(kEnvCluster, settings.cluster);
  list.add(kEnvWorkflow, "{{workflow.name}}");
  list.add(kEnvNamespace, "{{workflow.namespace}}");
  list.add(kEnvWorkflowStarted, "{{workflow.creationTimestamp.s}}");
  list.add(kEnvPlanDigest, context.plan_digest);
  list.add(kEnvConfigPath, settings.config_path);
  list.add(kEnvGitHubRepository,
           fmt::format("{}/{}", settings.github.owner, settings.github.repository));
  list.add("HOME", kHomeDir);
  list.add("TMPDIR", "/tmp");
  list.add("APHEX_STATE_DIR", kStateDir);
}

// What only a pod with the AWS role has a use for.
void add_aws(EnvironmentList& list, const Context& context) {
  const Settings& settings = context.settings;
  list.add("AWS_REGION", settings.region);
  list.add("AWS_DEFAULT_REGION", settings.region);
  list.add_if_set(kEnvLogGroup, settings.log_group);
  list.add_if_set(kEnvMetricNamespace, settings.metric_namespace);
}

void add_environment(EnvironmentList& list, const Context& context, const plan::Stage& stage) {
  if (!stage.environment) return;
  const plan::Environment& environment = context.plan.environments[*stage.environment];
  list.add(kEnvEnvironment, environment.name);
  list.add(kEnvAccount, environment.account);
  list.add(kEnvRegion, environment.region);
  list.add(kEnvDeployRole, deploy_role_arn(environment, context.plan.bootstrap_qualifier));
}

template <typename Item>
const Item* configured(const std::map<std::string, Item>& by_key, std::string_view id,
                       std::string_view kind) {
  for (const std::string_view key : {id, kind, std::string_view("default")}) {
    const auto found = by_key.find(std::string(key));
    if (found != by_key.end()) return &found->second;
  }
  return nullptr;
}

std::string image_for(const Settings& settings, std::string_view id, std::string_view kind) {
  const std::string* image = configured(settings.images, id, kind);
  return image == nullptr ? std::string(kDefaultImage) : *image;
}

Value resources_value(const Resources& resources) {
  const auto quantities = [](std::string_view cpu, std::string_view memory) {
    Value value = Value::object();
    if (!cpu.empty()) value.set("cpu", cpu);
    if (!memory.empty()) value.set("memory", memory);
    return value;
  };
  Value value = Value::object();
  Value requests = quantities(resources.cpu_request, resources.memory_request);
  Value limits = quantities(resources.cpu_limit, resources.memory_limit);
  if (!requests.as_object()->empty()) value.set("requests", std::move(requests));
  if (!limits.as_object()->empty()) value.set("limits", std::move(limits));
  return value;
}

Value mount(std::string_view volume, std::string_view path) {
  return Value::object({{"name", volume}, {"mountPath", path}});
}

Value mounts() {
  return Value::array({mount(kWorkVolume, kWorkDir), mount(kTemporaryVolume, "/tmp")});
}

struct ContainerOf {
  std::string image;
  Value arguments;
  Value variables;
  Value volume_mounts;
  Resources resources;
};

Value container(ContainerOf of) {
  return Value::object({
      {"image", std::move(of.image)},
      {"command", Value::array({"aphex"})},
      {"args", std::move(of.arguments)},
      {"workingDir", kWorkDir},
      {"env", std::move(of.variables)},
      {"resources", resources_value(of.resources)},
      {"securityContext", container_security()},
      {"volumeMounts", std::move(of.volume_mounts)},
  });
}

std::string duration(std::chrono::seconds bound) {
  return fmt::format("{}s", bound.count());
}

Value retry_strategy(const Settings& settings) {
  return Value::object({
      {"limit", fmt::format("{}", settings.infrastructure_retries)},
      {"retryPolicy", "Always"},
      {"expression", kRetryExpression},
      {"backoff", Value::object({{"duration", "30s"}, {"factor", "2"}})},
  });
}

// Raw: it travels in the template, and 'kubectl get' shows it. Not an archive, whatever it holds.
Value raw_artifact(std::string_view name, std::string_view path, std::string text) {
  return Value::object({
      {"name", name},
      {"path", path},
      {"mode", 0444},
      {"archive", Value::object({{"none", Value::object()}})},
      {"raw", Value::object({{"data", std::move(text)}})},
  });
}

Value label(std::string_view key, std::string_view value) {
  return Value::object({{"key", key}, {"value", value}});
}

// Names and help are the same for every pipeline of a cluster: Argo keeps one metric for all.
Value stage_metrics(const Context& context, const StageTemplate& of) {
  const auto labels = [&] {
    return Value::array({label("pipeline", context.settings.pipeline), label("stage", of.name),
                         label("status", "{{status}}")});
  };
  return Value::object(
      {{"prometheus",
        Value::array(
            {Value::object({{"name", "aphex_stages_total"},
                            {"help", "Stages of pipelines that have ended, by status"},
                            {"labels", labels()},
                            {"counter", Value::object({{"value", "1"}})}}),
             Value::object(
                 {{"name", "aphex_stage_duration_seconds"},
                  {"help", "Duration of the stages of pipelines"},
                  {"labels", labels()},
                  {"histogram", Value::object({{"value", "{{duration}}"},
                                               {"buckets", Value::array({30, 60, 300, 900, 1800,
                                                                         3600, 7200})}})}})})}});
}

// The stages that read the repository. The others get what build made of it.
bool clones(plan::StageKind kind) {
  switch (kind) {
    case plan::StageKind::validate:
    case plan::StageKind::build:
    case plan::StageKind::pipeline:
      return true;
    case plan::StageKind::approve:
    case plan::StageKind::deploy:
    case plan::StageKind::test:
      return false;
  }
  return false;
}

bool has_artifacts(plan::StageKind kind) {
  switch (kind) {
    case plan::StageKind::build:
    case plan::StageKind::approve:
    case plan::StageKind::deploy:
    case plan::StageKind::test:
      return true;
    case plan::StageKind::validate:
    case plan::StageKind::pipeline:
      return false;
  }
  return false;
}

Value clone_container(const Context& context, const StageTemplate& of) {
  const Settings& settings = context.settings;
  EnvironmentList list;
  add_common(list, context);
  Value volume_mounts = mounts();
  if (settings.github_token) {
    list.add(kEnvGitHubTokenFile, fmt::format("{}/{}", kTokenDir, settings.github_token->key));
    Value token = mount(kTokenVolume, kTokenDir);
    token.set("readOnly", true);
    volume_mounts.push_back(std::move(token));
  }
  Value made = container({.image = image_for(settings, of.stage.id, to_string(of.stage.kind)),
                          .arguments = Value::array({"stage", "--clone"}),
                          .variables = list.take(),
                          .volume_mounts = std::move(volume_mounts),
                          .resources = kSmallResources});
  made.set("name", "clone");
  return made;
}

// Of this template alone, so that no other pod can read it. Where the Secret is not there yet, the
// stage says so instead of waiting for it.
Value token_volume(const Context& context) {
  const SecretSource& token = *context.settings.github_token;
  return Value::object(
      {{"name", kTokenVolume},
       {"secret",
        Value::object(
            {{"secretName", context.names.github_token_secret},
             {"items", Value::array({Value::object({{"key", token.key}, {"path", token.key}})})},
             {"defaultMode", 0440},
             {"optional", true}})}});
}

Value outcome_output() {
  return Value::object(
      {{"parameters",
        Value::array({Value::object(
            {{"name", kOutcomeParameter},
             {"globalName", kOutcomeParameter},
             {"valueFrom", Value::object({{"path", kOutcomeFile}, {"default", "failed"}})}})})}});
}

Value main_container(const Context& context, const StageTemplate& of) {
  const Settings& settings = context.settings;
  EnvironmentList list;
  add_common(list, context);
  if (of.trust == Trust::pipeline) {
    add_aws(list, context);
    if (has_artifacts(of.stage.kind)) {
      list.add(kEnvArtifacts, fmt::format("{}/{}", artifact_store_of(context.plan, settings),
                                          parameter(kParameters[0].name)));
    }
  }
  add_environment(list, context, of.stage);
  if (checks_approval(of.stage)) {
    list.add(kEnvDecision, input(kDecisionParameter));
    list.add(kEnvApprovedDigest, input(kDigestParameter));
    list.add(kEnvApprovedBy, input(kPeopleParameter));
  }
  const Resources* resources =
      configured(settings.resources, of.stage.id, to_string(of.stage.kind));
  return container({.image = image_for(settings, of.stage.id, to_string(of.stage.kind)),
                    .arguments = Value::array({"stage", "--plan", kPlanFile}),
                    .variables = list.take(),
                    .volume_mounts = mounts(),
                    .resources = resources == nullptr ? kStageResources : *resources});
}

Value template_metadata(const Context& context, const StageTemplate& of) {
  Value labels = Value::object({{"aphex.dev/stage", of.name}});
  Value annotations = Value::object({{"aphex.dev/stage", of.stage.id}});
  if (of.stage.environment) {
    const std::string& name = context.plan.environments[*of.stage.environment].name;
    if (const auto value = label_value(name)) labels.set("aphex.dev/environment", *value);
  }
  return Value::object({{"labels", std::move(labels)}, {"annotations", std::move(annotations)}});
}

}  // namespace

std::string deploy_role_arn(const plan::Environment& environment, std::string_view qualifier) {
  const config::Region* region = config::find_region(environment.region);
  return fmt::format("arn:{}:iam::{}:role/cdk-{}-deploy-role-{}-{}",
                     region == nullptr ? std::string_view("aws") : region->partition,
                     environment.account, qualifier, environment.account, environment.region);
}

Value stage_template(const Context& context, const StageTemplate& of) {
  const Settings& settings = context.settings;
  const plan::Plan part = stage_part(context.plan, of.stage, settings, of.trust);
  Value artifacts =
      Value::array({raw_artifact("plan", kPlanFile, artifact_text(plan::to_value(part)))});
  const bool is_pipeline = of.stage.kind == plan::StageKind::pipeline;
  if (is_pipeline) {
    artifacts.push_back(raw_artifact("settings", kSettingsFile, artifact_text(to_value(settings))));
  }

  Value made = Value::object({
      {"name", of.name},
      {"metadata", template_metadata(context, of)},
      {"timeout", duration(of.stage.timeout + kPodStartBound)},
      {"retryStrategy", retry_strategy(settings)},
  });
  // The one stage that talks to the cluster.
  if (is_pipeline) made.set("automountServiceAccountToken", true);
  Value inputs = Value::object({{"artifacts", std::move(artifacts)}});
  if (checks_approval(of.stage)) inputs.set("parameters", gate_inputs());
  made.set("inputs", std::move(inputs));
  if (is_pipeline) made.set("outputs", outcome_output());
  if (of.stage.kind == plan::StageKind::approve) made.set("outputs", changes_outputs());
  if (clones(of.stage.kind)) {
    if (settings.github_token) made.set("volumes", Value::array({token_volume(context)}));
    made.set("initContainers", Value::array({clone_container(context, of)}));
  }
  made.set("container", main_container(context, of));
  if (settings.prometheus == Switch::on) made.set("metrics", stage_metrics(context, of));
  return made;
}

Value exit_template(const Context& context) {
  const Settings& settings = context.settings;
  EnvironmentList list;
  add_common(list, context);
  add_aws(list, context);
  list.add_if_set(kEnvNotificationTopic, settings.notification_topic_arn);
  list.add_if_set(kEnvArgoServerUrl, settings.argo_server_url);
  list.add(kEnvWorkflowStatus, "{{workflow.status}}");
  list.add(kEnvWorkflowFailures, "{{workflow.failures}}");
  list.add(kEnvWorkflowDuration, "{{workflow.duration}}");
  // Of a workflow that failed before, Argo leaves it as it stands.
  list.add(kEnvWorkflowOutcome,
           fmt::format("{{{{workflow.outputs.parameters.{}}}}}", kOutcomeParameter));
  const Resources* resources = configured(settings.resources, kExitTemplate, kExitTemplate);
  return Value::object({
      {"name", kExitTemplate},
      {"metadata",
       Value::object({{"labels", Value::object({{"aphex.dev/stage", kExitTemplate}})}})},
      {"timeout", duration(kPodStartBound + std::chrono::minutes(5))},
      {"retryStrategy", retry_strategy(settings)},
      {"container", container({.image = image_for(settings, kExitTemplate, kExitTemplate),
                               .arguments = Value::array({"stage", "--exit"}),
                               .variables = list.take(),
                               .volume_mounts = mounts(),
                               .resources = resources == nullptr ? kSmallResources : *resources})},
  });
}

}  // namespace aphex::argo
