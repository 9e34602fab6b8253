#pragma once
// What a pipeline on a shared cluster is made of besides its plan: names, addresses, bounds.
// Everything is literal: nothing here is looked up, and no secret's value ever stands here.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "doc/value.hpp"

namespace aphex::argo {

// The minor version of Argo Workflows on the cluster: its objects are spelled differently.
enum class ArgoVersion { v3_4, v3_5, v3_6, v3_7, v4_0, v4_1 };
inline constexpr ArgoVersion kNewestArgo = ArgoVersion::v4_1;
std::string_view to_string(ArgoVersion version);  // "3.4"
// "3.6", "v4.1", "4.1.2". The error says which versions there are.
Result<ArgoVersion> parse_argo_version(std::string_view text);

// Of Kubernetes objects. An empty name means the default, see names_of().
struct Names {
  std::string workflow_template;      // <pipeline>-pipeline
  std::string pull_request_template;  // <pipeline>-pull-request
  std::string event_source;           // <pipeline>-github
  std::string sensor;                 // <pipeline>-sensor
  std::string pull_request_sensor;    // <pipeline>-pull-request
  std::string executor_account;       // <pipeline>-workflow-executor: what stages run as
  std::string reporter_account;       // <pipeline>-workflow-reporter: Argo's own containers
  std::string sensor_account;         // <pipeline>-sensor
  std::string event_source_account;   // <pipeline>-github
  std::string pull_request_account;   // <pipeline>-pull-request
  // <pipeline>-webhook (webhook-<pipeline> where that begins with a digit); an Ingress's, too.
  std::string webhook_service;
  std::string webhook_secret;       // <pipeline>-webhook-secret
  std::string github_token_secret;  // <pipeline>-github-token
};

struct GitHub {
  std::string owner;
  std::string repository;
  std::string branch = "main";
};

// What the provider of the custom resources, or a person, fills a Secret's key from.
struct SecretSource {
  std::string key;       // of the Kubernetes Secret's data
  std::string secret;    // ARN or name in Secrets Manager
  std::string json_key;  // empty: the whole value
};

// Whoever uses the pipeline exposes the Service (ClusterIP) in a way of their own.
struct NoExposure {};
struct IngressExposure {
  std::string host;
  std::string ingress_class;    // empty: the cluster's default
  std::string certificate_arn;  // empty: none; otherwise for the AWS Load Balancer Controller
  std::map<std::string, std::string> annotations;  // stand over ours
};
struct LoadBalancerExposure {
  std::string certificate_arn;                     // empty: plain HTTP
  std::map<std::string, std::string> annotations;  // stand over ours
};
using Exposure = std::variant<NoExposure, IngressExposure, LoadBalancerExposure>;

struct Webhook {
  Exposure exposure = NoExposure{};
  std::string path;  // empty: /<pipeline>
  // scheme://host[:port] under which GitHub reaches the EventSource; without it an Ingress's host
  // is taken. Without either (a load balancer that is not there yet), Argo registers no hook.
  std::string public_url;
};

enum class PullRequests { ignore, validate, build };
enum class Forks { ignore, accept };

// Kubernetes quantities; an empty one is left out.
struct Resources {
  std::string cpu_request;
  std::string memory_request;
  std::string cpu_limit;
  std::string memory_limit;
};

enum class Switch { off, on };

struct Settings {
  std::string pipeline;             // a label value of at most 40 characters: prefix of every name
  std::string cluster;              // the EKS cluster's name; on every object as annotation
  std::string name_space = "argo";  // of the workflows, their templates and accounts
  std::string events_name_space;    // of EventSource, Sensors and EventBus; empty: name_space
  Names names;
  ArgoVersion argo = kNewestArgo;
  std::string event_bus = "default";

  GitHub github;
  std::string config_path = "aphex-config.yaml";
  PullRequests pull_requests = PullRequests::validate;
  Forks forks = Forks::ignore;
  Webhook webhook;
  SecretSource webhook_secret{"secret", "", ""};
  // Nothing: a public repository, and whoever uses the pipeline registers the hook.
  std::optional<SecretSource> github_token;

  std::string account;  // of the pipeline itself, twelve digits
  std::string region;
  std::string execution_role_arn;  // empty: EKS Pod Identity gives the role
  std::string artifact_bucket;

  // By stage id ("deploy-prod"), then by kind ("deploy"), then "default". The exit handler's is
  // "exit".
  std::map<std::string, std::string> images;
  std::map<std::string, Resources> resources;
  // Bound of a pod's working copy, artifacts and caches (emptyDir); a quantity.
  std::string work_volume_size = "20Gi";

  std::string log_group;         // of CloudWatch Logs; empty: logs stay in the cluster
  std::string metric_namespace;  // of CloudWatch; empty: none
  std::string notification_topic_arn;
  std::string argo_server_url;  // for links in notifications; may be empty
  Switch prometheus = Switch::on;

  std::uint32_t infrastructure_retries = 2;  // of a stage whose pod was lost; never of a command
  std::chrono::seconds ttl_success{7 * 24 * 3600};
  std::chrono::seconds ttl_failure{30 * 24 * 3600};

  // What these settings were made of besides the configuration, by the keys of its `pipeline:`
  // block: context, variables and flags of `aphex synth` or `aphex manifests`. A commit's own
  // settings are made of it anew. Nothing: a program of the user's made them.
  std::optional<std::map<std::string, std::string>> given;
};

// Where the EventSource and the Sensors live.
const std::string& events_name_space(const Settings& settings);
// The names that the objects get: the given ones, else the design's.
Names names_of(const Settings& settings);

// As JSON: embedded for the stage that regenerates the pipeline's objects. Version 1; a reader
// refuses a newer one. Defaults are written too, so that a newer program reads the same objects.
doc::Value to_value(const Settings& settings);
Result<Settings> settings_from_value(const doc::Value& value);

}  // namespace aphex::argo
