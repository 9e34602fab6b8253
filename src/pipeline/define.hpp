#pragma once
// A definition from a configuration that is read already.

#include "aphex/pipeline_stack.hpp"
#include "config/config.hpp"

namespace aphex::pipeline {

// As the constructor of PipelineDefinition does, without the text of the inputs.
PipelineDefinition define(const Construct& scope, PipelineProps props,
                          const config::Config& config);

}  // namespace aphex::pipeline
