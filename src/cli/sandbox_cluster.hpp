#pragma once
// `aphex sandbox cluster add|list|remove`.

#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"
#include "engine/sandbox_clusters.hpp"

namespace aphex::cli {

struct ClusterArguments {
  std::string operation;
  std::string name;
  std::string kubeconfig;
  std::string context;
  std::string account;
  std::string region;
  std::string default_region;  // of the configuration here, where there is one

  void declare(Arguments& arguments);
  // They mean nothing to another action.
  Status check_unused(const std::string& action) const;
};

struct ClusterCommand {
  const Terminal& terminal;
  const engine::SandboxOptions& options;
  const std::string& format;
};

Result<ExitCode> run_cluster(const ClusterArguments& arguments, const ClusterCommand& command);

std::string render_clusters(const std::vector<engine::SandboxCluster>& clusters);

}  // namespace aphex::cli
