#pragma once
// A definition from a configuration that is read already.

#include "aphex/pipeline_stack.hpp"
#include "config/config.hpp"
#include "pipeline/layers.hpp"

namespace aphex::pipeline {

// As the constructor of PipelineDefinition does, without the text of the inputs. Of layers of one
// kind, those of `beneath` come before those of scope and props, which win.
PipelineDefinition define(const Construct& scope, PipelineProps props, const config::Config& config,
                          std::vector<Layer> beneath = {});

}  // namespace aphex::pipeline
