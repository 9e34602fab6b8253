#pragma once
// What a PipelineDefinition holds.

#include "aphex/pipeline_stack.hpp"
#include "argo/objects.hpp"
#include "pipeline/settings.hpp"

namespace aphex {

struct PipelineDefinition::State {
  std::vector<Problem> problems;
  // Present where there are no problems.
  std::optional<pipeline::Settings> settings;
  std::optional<plan::Plan> plan;
  std::vector<argo::Object> objects;
  ProviderPackage provider;
};

}  // namespace aphex
