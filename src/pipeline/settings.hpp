#pragma once
// The pipeline's own stack in numbers and names: every setting checked, every default filled in.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "argo/settings.hpp"
#include "config/config.hpp"
#include "pipeline/layers.hpp"
#include "plan/plan.hpp"

namespace aphex::pipeline {

enum class AuditTrail { off, on };

struct Settings {
  std::string name;  // of the pipeline
  std::string stack_name;
  std::string account, region, partition;  // of the pipeline itself
  std::string environment_tag;
  std::string bootstrap_qualifier;

  std::string cluster_name;
  std::string export_prefix;
  std::string oidc_issuer;        // without scheme
  std::string oidc_provider_arn;  // empty: imported from the cluster's exports
  std::string kubectl_role_arn;   // empty: imported from the cluster's exports

  std::string github_token_secret;  // its name in Secrets Manager
  std::string webhook_secret;       // likewise; the stack creates it

  std::string artifact_bucket;  // {base}-{account}-{region}
  int retention_days = 0;
  std::string workflow_role_name;
  std::string permissions_boundary_arn;  // empty: none
  std::string kms_key_arn;               // empty: the services' own keys
  std::string alarm_topic_arn;           // empty: the stack creates one
  std::string alarm_topic_name;          // of the one that it creates
  std::chrono::seconds long_running_after{0};
  std::string log_group;
  int log_retention_days = 0;
  AuditTrail audit_trail = AuditTrail::off;
  std::string trail_bucket;  // of the audit trail's log files

  argo::Settings kubernetes;

  std::string workflow_role_arn() const;
  std::string topic_arn() const;  // given or created
};

struct Resolution {
  // Both present, or neither and problems.
  std::optional<Settings> settings;
  std::optional<plan::Plan> plan;
  std::vector<SettingProblem> problems;
};

// `layers` are those beside the configuration's own, in any order.
Resolution resolve(const config::Config& config, std::string_view repository_name,
                   std::vector<Layer> layers);

// "arn:<partition>:<service>:<region>:<account>:<resource>"
struct ArnOf {
  std::string_view service, region, account, resource;
};
std::string arn(const Settings& settings, const ArnOf& parts);

}  // namespace aphex::pipeline
