#pragma once
// The gate of a workflow on a cluster, as its pods see it: the stage that asks leaves word of what
// would change and waits for nobody, and the stage that deploys is told what the node between them
// gave out (argo/gate.hpp).

#include "engine/approval_gate.hpp"
#include "os/process.hpp"
#include "stage/layout.hpp"

namespace aphex::stage {

class ClusterGate final : public engine::ApprovalGate {
 public:
  ClusterGate(os::EnvironmentVariables environment, Layout layout)
      : environment_(std::move(environment)), layout_(std::move(layout)) {}
  Result<engine::StepOutcome> ask(const Question& question) override;
  Result<std::string> approved(engine::StepContext& context,
                               const std::string& environment) override;

 private:
  std::string variable(std::string_view name) const;
  os::EnvironmentVariables environment_;
  Layout layout_;
};

}  // namespace aphex::stage
