#pragma once
// Deploys with the stock CDK CLI, one process a stack, from a ready assembly.

#include <memory>
#include <string>

#include "aws/credentials.hpp"
#include "engine/cdk_cli.hpp"
#include "engine/deployer.hpp"
#include "engine/environment_access.hpp"
#include "engine/stack_state.hpp"
#include "engine/step.hpp"

namespace aphex::engine {

// The CLI keeps the base credentials and prints CloudFormation's events as they come; our own
// calls (the stack's state before and after, its events after a failure) use the environment's.
class CdkDeployer final : public Deployer {
 public:
  CdkDeployer(StepContext& context, CdkCli cli, std::size_t environment);
  Result<StackChange> deploy(const StackToDeploy& stack) override;

 private:
  struct Attempt;
  Status prepare(const StackToDeploy& stack);
  Result<aws::StackDescription> await_end(const StackToDeploy& stack);
  tl::unexpected<Error> explain(const StackToDeploy& stack, const Attempt& attempt);
  tl::unexpected<Error> rolled_back(const StackToDeploy& stack, const Attempt& attempt,
                                    const aws::StackDescription& after);
  tl::unexpected<Error> cli_failed(const StackToDeploy& stack, const Attempt& attempt,
                                   const Result<aws::StackDescription>& after);
  RemedyWords words_for(const std::string& stack) const;
  Result<aws::StackDescription> describe(const StackToDeploy& stack);

  StepContext& context_;
  CdkCli cli_;
  const plan::Environment& environment_;
  AccessTarget target_;
  aws::AwsContext access_;
};

}  // namespace aphex::engine
