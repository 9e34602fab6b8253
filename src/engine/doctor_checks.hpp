#pragma once
// The single checks of doctor.hpp. Each looks at one thing and never fails itself.

#include <optional>

#include "aws/credentials.hpp"
#include "engine/doctor.hpp"
#include "plan/plan.hpp"

namespace aphex::engine {

Check check_git(const DoctorOptions& options);
Check check_bash(const DoctorOptions& options);
Check check_node(const DoctorOptions& options);
Check check_npm(const DoctorOptions& options);
Check check_cdk(const DoctorOptions& options);
Check check_sandbox(const DoctorOptions& options);
Check check_state_directory(const DoctorOptions& options);
Check check_repository(const DoctorOptions& options);

struct ConfigurationFound {
  Check check;
  std::optional<plan::Plan> plan;  // where it is valid
};
ConfigurationFound find_configuration(const DoctorOptions& options);

struct CredentialsFound {
  Check check;
  std::optional<aws::AwsContext> context;  // where AWS knows us
};
CredentialsFound find_credentials(const DoctorOptions& options, const plan::Plan* plan);

Check check_environment(const DoctorOptions& options, const aws::AwsContext& context,
                        const plan::Plan& plan, std::size_t environment);

}  // namespace aphex::engine
