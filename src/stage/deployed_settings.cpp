#include "stage/deployed_settings.hpp"

namespace aphex::stage {

Result<CommitPipeline> DeployedSettings::resolve(const config::Config& config,
                                                 const argo::Settings& deployed) {
  return CommitPipeline{plan::make_plan(config, deployed.pipeline), deployed};
}

Status DeployedSettings::deploy(const config::Config& /*config*/,
                                const argo::Settings& /*deployed*/, engine::StepContext& context) {
  context.log.note(
      "the pipeline's stack is deployed by who made it; its templates follow the "
      "commit");
  return {};
}

}  // namespace aphex::stage
