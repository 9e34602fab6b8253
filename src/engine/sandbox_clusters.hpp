#pragma once
// Kubernetes clusters in the sandbox: EKS shows them, their API servers are real ones. One that a
// kubeconfig knows is added behind a proxy of the sandbox, which takes tokens of EKS and acts as
// the kubeconfig's user.

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/sandbox.hpp"

namespace aphex::engine {

struct ClusterPlace {
  std::string account;
  std::string region;
  std::string name;
};

struct SandboxCluster {
  ClusterPlace place;
  std::string endpoint;     // what EKS shows
  std::string version;      // "1.34"
  std::string oidc_issuer;  // https://…
  std::string server;       // what a kubeconfig said; empty where the cluster was attached directly
  std::string user;         // of the kubeconfig: whoever comes through the proxy acts as this one
};

struct KubeconfigChoice {
  std::filesystem::path file;
  std::string context;  // empty: the current one
};

// The cluster of that name is replaced where there is one. Errors: usage, with the file and what is
// wrong in it, or the API server that cannot be reached; those of control().
Result<SandboxCluster> add_cluster(const SandboxServer& server, const ClusterPlace& place,
                                   const KubeconfigChoice& kubeconfig,
                                   const SandboxOptions& options);

// In the order of account, region and name.
Result<std::vector<SandboxCluster>> list_clusters(const SandboxServer& server,
                                                  const SandboxOptions& options);

// EKS no longer shows it; the cluster itself is left alone. Errors: not_found.
Status remove_cluster(const SandboxServer& server, const ClusterPlace& place,
                      const SandboxOptions& options);

}  // namespace aphex::engine
