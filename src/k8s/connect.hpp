#pragma once
// The cluster that this process is meant to speak to: of a kubeconfig, or the one that it runs in.

#include <filesystem>
#include <memory>
#include <string>

#include "k8s/client.hpp"
#include "os/process.hpp"

namespace aphex::k8s {

struct Surroundings {
  os::EnvironmentVariables environment;
  std::shared_ptr<os::Clock> clock;
  std::shared_ptr<os::ProcessRunner> processes;  // for a kubeconfig's exec
  // What the kubelet mounts into a pod.
  std::filesystem::path service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
};

struct ConnectOptions {
  // Empty: $KUBECONFIG (several with ':'), else ~/.kube/config, else the cluster of this pod.
  std::filesystem::path kubeconfig;
  std::string context;  // empty: the current one
};

struct Connection {
  std::shared_ptr<Client> client;
  std::string name_space;  // of the context or the pod; "default" where neither says
  std::string source;      // "context dev of /home/…/config", "the service account of this pod"
};

// Asks nobody: a server that cannot be reached shows at the first request. not_found where there is
// neither a kubeconfig nor a service account.
Result<Connection> connect(const Surroundings& surroundings, const ConnectOptions& options);

}  // namespace aphex::k8s
