#pragma once
// What `doctor --cluster` and `validate --cluster` have in common.

#include <vector>

#include "cli/configuration_file.hpp"
#include "cli/terminal.hpp"
#include "engine/doctor.hpp"
#include "os/process.hpp"

namespace aphex::cli {

// The checks of the cluster that a kubeconfig names, for the pipeline of a valid configuration.
std::vector<engine::Check> check_pipeline_cluster(const ConfigurationFile& file,
                                                  const os::EnvironmentVariables& environment,
                                                  const os::CancelToken& cancel);

// One line a check, and its remedy below it.
void print_checks(const std::vector<engine::Check>& checks, const Terminal& terminal);

}  // namespace aphex::cli
