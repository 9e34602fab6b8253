#pragma once
// What a pipeline needs of the cluster that it is to run on, asked of its API server.

#include <vector>

#include "argo/settings.hpp"
#include "engine/doctor.hpp"
#include "k8s/client.hpp"
#include "plan/plan.hpp"

namespace aphex::stage {

// Kubernetes of which server-side apply, Argo Workflows 3.4 and Argo Events 1.8 can rely on all
// that they need.
inline constexpr int kOldestKubernetesMinor = 24;

struct ClusterCheck {
  k8s::Client& client;
  const plan::Plan& plan;
  const argo::Settings& settings;
  os::CancelToken cancel;
};

// In this order: the server and its version, the namespace, Argo Workflows, Argo Events, the event
// bus, our rights, and whether the server takes the pipeline's objects. What cannot be told because
// of an earlier one is skipped.
std::vector<engine::Check> check_cluster(const ClusterCheck& check);

}  // namespace aphex::stage
