#pragma once
// The stack of a pipeline itself: everything that it needs in AWS and on the shared cluster, made
// from aphex-config.yaml and a few settings. docs/pipeline-stack.md says what it creates and why.
//
//   auto inputs = aphex::read_pipeline_inputs("aphex-config.yaml");
//   if (!inputs) return aphex::finish(inputs.error());
//   aphex::App app;
//   aphex::PipelineProps props;
//   props.inputs = std::move(*inputs);
//   props.settings.cluster_name = "arbiter";
//   const aphex::PipelineDefinition pipeline(app, std::move(props));
//   aphex::Stack stack(app, "ArchonAgentPipelineStack", pipeline.stack_props());
//   stack.make<aphex::AphexPipelineStack>("AphexPipelineStack", pipeline);
//   return aphex::finish(app.synth());
//
// A setting comes from five places; later ones win: the program (PipelineSettings), the `pipeline:`
// block of the configuration, CDK context, APHEX_* variables, flags. What is wrong with any of them
// is reported at synthesis, all at once, with the place that it came from.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aphex/construct.hpp"
#include "aphex/result.hpp"
#include "aphex/stack.hpp"
#include "aphex/value.hpp"

namespace aphex {

// The archive of the function that applies objects to the cluster; every installation of aphex has
// it (share/aphex/provider/provider.zip).
struct ProviderPackage {
  std::filesystem::path path;
  std::string sha256;  // of the file, lower-case hexadecimal
};

// What a pipeline's stack is made from besides its settings. All of it is read already.
struct PipelineInputs {
  std::string configuration;                             // the text of aphex-config.yaml
  std::string configuration_name = "aphex-config.yaml";  // for messages
  // Names the pipeline where nothing else does.
  std::string repository_name;
  // The process's environment, or nothing: APHEX_CLUSTER_NAME and its like.
  std::map<std::string, std::string> environment;
  ProviderPackage provider;
};

// Reads the configuration at `path`, the environment's variables, and finds the provider's archive:
// $APHEX_PROVIDER_ZIP, else beside the program (../share/aphex/provider/provider.zip), else where
// this library was built or installed.
[[nodiscard]] Result<PipelineInputs> read_pipeline_inputs(const std::filesystem::path& path);

struct WebhookSettings {
  std::string type;  // "none", "ingress", "loadbalancer"
  std::string host;
  std::string public_url;
  std::string path;
  std::string certificate_arn;
  std::string ingress_class_name;
  std::map<std::string, std::string> annotations;
};

struct StageResources {
  std::string cpu_request, memory_request, cpu_limit, memory_limit;  // Kubernetes quantities
};

// As a program sets them; what is empty is set elsewhere, or has its default. docs/configuration.md
// describes each under the same name in camel case.
struct PipelineSettings {
  std::string name;
  std::string bootstrap_qualifier;
  std::string account;
  std::string region;
  std::string stack_name;
  std::string environment_tag;
  std::string cluster_name;
  std::string cluster_export_prefix;
  std::string oidc_provider_arn;
  std::string oidc_issuer;
  std::string kubectl_role_arn;
  std::string pipeline_creator_role_arn;
  std::string github_owner;
  std::string github_repo;
  std::string github_branch;
  std::string github_token_secret_name;
  std::string workflow_template_name;
  std::string event_source_name;
  std::string sensor_name;
  std::string artifact_bucket_name;
  std::optional<int> artifact_retention_days;
  std::string config_path;
  std::string kubernetes_namespace;
  std::string events_namespace;
  std::string event_bus_name;
  std::string service_account_name;
  std::string workflow_role_name;
  std::map<std::string, std::string> images;
  std::map<std::string, StageResources> resources;
  WebhookSettings webhook;
  std::string pull_requests;
  std::string forks;
  std::string argo_version;
  std::string argo_server_url;
  std::string permissions_boundary_arn;
  std::string kms_key_arn;
  std::string alarm_topic_arn;
  std::string long_running_after;
  std::optional<int> log_retention_days;
  std::optional<bool> audit_trail;
};

struct PipelineProps {
  PipelineInputs inputs;
  PipelineSettings settings;
  // By key as the configuration spells it: {"webhook.host", "hooks.example.com"}. Over everything
  // else.
  std::map<std::string, std::string> flags;
};

// Configuration and settings, put together once. Copies share what they hold.
class PipelineDefinition {
 public:
  // Context is what `scope` sees.
  PipelineDefinition(const Construct& scope, PipelineProps props);

  // Empty where all is well. AphexPipelineStack reports them at synthesis.
  const std::vector<Problem>& problems() const;
  // Name, account, region and description for the stack that will hold the pipeline; without
  // anything where there are problems.
  StackProps stack_props() const;
  // The Kubernetes objects as YAML for `kubectl apply --server-side`; secrets without their values,
  // with a comment that says how to fill them.
  [[nodiscard]] Result<std::string> manifests() const;

  // Of the library itself.
  struct State;
  explicit PipelineDefinition(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  const State& state() const { return *state_; }

 private:
  std::shared_ptr<const State> state_;
};

// The construct. It belongs into a stack made with PipelineDefinition::stack_props().
class AphexPipelineStack : public Construct {
 public:
  AphexPipelineStack(Construct& scope, std::string id, const PipelineDefinition& definition);

  // For other resources of the same application. Null where the definition has problems.
  const Value& artifact_bucket_name() const { return artifact_bucket_name_; }
  const Value& workflow_execution_role_arn() const { return workflow_execution_role_arn_; }
  const Value& webhook_url() const { return webhook_url_; }
  const Value& webhook_secret_arn() const { return webhook_secret_arn_; }
  const Value& alarm_topic_arn() const { return alarm_topic_arn_; }

  std::string_view type_name() const override { return "aphex.AphexPipelineStack"; }

 private:
  Value artifact_bucket_name_;
  Value workflow_execution_role_arn_;
  Value webhook_url_;
  Value webhook_secret_arn_;
  Value alarm_topic_arn_;
};

// Every right that the IAM policies below `scope` give, and why: the statements of all policies
// that the library's helpers made, in the order of the tree.
std::string explain_iam_text(const Construct& scope);
// [{"path", "policy", "sid", "effect", "actions", "resources", "principal", "conditions",
// "reason"}]
Value explain_iam_json(const Construct& scope);

}  // namespace aphex
