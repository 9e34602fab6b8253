#pragma once
// Tokens from a program that the kubeconfig names, such as `aws eks get-token`.
// kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins

#include <memory>

#include "k8s/kubeconfig.hpp"
#include "k8s/token.hpp"
#include "os/process.hpp"

namespace aphex::k8s {

struct ExecTokenOptions {
  std::shared_ptr<os::ProcessRunner> processes;
  std::shared_ptr<os::Clock> clock;
  os::EnvironmentVariables environment;  // of the program, with the plugin's own over it
};
std::shared_ptr<TokenProvider> make_exec_tokens(ExecTokenOptions options, ExecPlugin plugin);

}  // namespace aphex::k8s
