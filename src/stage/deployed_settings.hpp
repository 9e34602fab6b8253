#pragma once
// A pipeline whose objects were applied by a person, by GitOps, or by a program of its own: its
// settings stay as they are, and its stack, where it has one, is theirs to deploy. A commit changes
// the plan.

#include "stage/cluster_plan_store.hpp"

namespace aphex::stage {

class DeployedSettings final : public OwnStack {
 public:
  Result<CommitPipeline> resolve(const config::Config& config,
                                 const argo::Settings& deployed) override;
  Status deploy(const config::Config& config, const argo::Settings& deployed,
                engine::StepContext& context) override;
};

}  // namespace aphex::stage
