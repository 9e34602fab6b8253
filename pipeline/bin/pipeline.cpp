// The pipeline app: what `cdk ls`, `cdk diff`, `cdk deploy` and `cdk destroy` run in this
// directory.
//
//   pipeline [aphex-config.yaml]     the configuration; by default ../aphex-config.yaml
#include <aphex/app.hpp>
#include <aphex/pipeline_stack.hpp>
#include <aphex/tags.hpp>
#include <utility>

#include "../lib/archon_pipeline_stack.hpp"

int main(int argc, char** argv) {
  auto inputs = aphex::read_pipeline_inputs(argc > 1 ? argv[1] : "../aphex-config.yaml");
  if (!inputs) return aphex::finish(inputs.error());

  aphex::App app;
  aphex::PipelineProps props;
  props.inputs = std::move(*inputs);
  props.settings = archon::pipeline_settings();
  const aphex::PipelineDefinition definition(app, std::move(props));

  archon::ArchonPipelineStack stack(app, "ArchonAgentPipelineStack", definition);
  aphex::Tags::of(app).add("Application", "ArchonAgent");
  return aphex::finish(app.synth());
}
