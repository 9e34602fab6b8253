#pragma once
// What the environment of a pod says: the variables of argo/stage_interface.hpp.

#include <chrono>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "engine/run_parameters.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"

namespace aphex::stage {

// The containers that aphex runs in.
enum class Container { stage, clone, exit };

struct Pod {
  engine::RunParameters parameters;
  std::string pipeline;
  std::string cluster;
  std::string workflow;
  std::string name_space;
  std::string plan_digest;  // of the whole plan
  std::string config_path;
  std::string repository;  // owner/name
  std::string host;        // the pod's own name; empty outside of one
  // Empty where they are not configured.
  std::string log_group;
  std::string metric_namespace;
  std::string notification_topic_arn;
  std::string argo_server_url;
  std::optional<os::WallTime> workflow_started;
};

// Names every variable that is missing, and refuses a commit that is no SHA: it becomes a part of
// keys and file names.
Result<Pod> read_pod(const os::EnvironmentVariables& environment, Container container);

bool is_commit_sha(std::string_view text);

}  // namespace aphex::stage
