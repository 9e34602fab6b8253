#pragma once
// What a program sets, as a layer.

#include "aphex/pipeline_stack.hpp"
#include "pipeline/layers.hpp"

namespace aphex::pipeline {

Layer code_layer(const PipelineSettings& settings);

}  // namespace aphex::pipeline
