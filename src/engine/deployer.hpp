#pragma once
// Brings one stack of a cloud assembly to its account. The CDK CLI does it today (cdk_deployer);
// what schedules stacks does not know how.

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "engine/assembly.hpp"

namespace aphex::engine {

struct StackToDeploy {
  std::string name;  // as configured
  AssemblyStack stack;
  std::filesystem::path assembly;
  std::filesystem::path outputs_file;  // written where the deployment succeeds
  std::filesystem::path events_file;   // written where it fails
};

enum class StackChange { changed, unchanged };

class Deployer {
 public:
  virtual ~Deployer() = default;
  // Blocks until the stack is deployed or has failed. Thread-safe: independent stacks deploy side
  // by side. An Error is deploy_failed where CloudFormation refused or rolled back; retryable
  // where trying again can help; its message begins with the stack's configured name.
  virtual Result<StackChange> deploy(const StackToDeploy& stack) = 0;
};

}  // namespace aphex::engine
