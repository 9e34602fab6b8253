#pragma once
// The pipeline's own stack, made of the commit's configuration and of what the pipeline was
// deployed with (argo::Settings::given), and deployed by the CDK's command line.
//
// A pipeline whose settings a program of the user's made has none of `given`: its settings stay as
// they are, its stack is that program's to deploy, and a commit changes the plan.

#include "stage/cluster_plan_store.hpp"

namespace aphex::stage {

class PipelineStack final : public OwnStack {
 public:
  Result<CommitPipeline> resolve(const config::Config& config,
                                 const argo::Settings& deployed) override;
  Status deploy(const config::Config& config, const argo::Settings& deployed,
                engine::StepContext& context) override;
};

}  // namespace aphex::stage
