#include "archon_pipeline_stack.hpp"

#include <utility>

namespace archon {

aphex::PipelineSettings pipeline_settings() {
  aphex::PipelineSettings settings;
  settings.name = "archon-agent";
  settings.workflow_template_name = "archon-agent-pipeline";
  settings.event_source_name = "archon-agent-github";
  settings.sensor_name = "archon-agent-sensor";
  settings.service_account_name = "archon-agent-workflow-executor";
  settings.artifact_bucket_name = "archon-agent-artifacts";
  settings.artifact_retention_days = 30;
  return settings;
}

ArchonPipelineStack::ArchonPipelineStack(aphex::Construct& scope, std::string id,
                                         const aphex::PipelineDefinition& definition)
    : Stack(scope, std::move(id), definition.stack_props()),
      pipeline_(make<aphex::AphexPipelineStack>("AphexPipelineStack", definition)) {}

}  // namespace archon
