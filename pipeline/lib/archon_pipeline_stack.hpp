#pragma once
// The stack that is the pipeline of ArchonAgent.

#include <string>

#include <aphex/pipeline_stack.hpp>
#include <aphex/stack.hpp>

namespace archon {

// What is ArchonAgent's own. Whatever else there is (the cluster, accounts, how the webhook is
// reached) comes from aphex-config.yaml, from cdk.json or from the command line.
aphex::PipelineSettings pipeline_settings();

class ArchonPipelineStack : public aphex::Stack {
 public:
  ArchonPipelineStack(aphex::Construct& scope, std::string id,
                      const aphex::PipelineDefinition& definition);

  const aphex::AphexPipelineStack& pipeline() const { return pipeline_; }
  std::string_view type_name() const override { return "archon.ArchonPipelineStack"; }

 private:
  aphex::AphexPipelineStack& pipeline_;
};

}  // namespace archon
