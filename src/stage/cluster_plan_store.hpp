#pragma once
// The pipeline's plan in a cluster: its WorkflowTemplate, and the stack that the template is a part
// of. What a commit changes of its own pipeline goes through here, in the stage `pipeline`.

#include <functional>
#include <memory>

#include "argo/settings.hpp"
#include "engine/step.hpp"
#include "k8s/client.hpp"
#include "stage/pod.hpp"

namespace aphex::stage {

// Settings and plan of a commit, as the pipeline's stack has them.
struct CommitPipeline {
  plan::Plan plan;
  argo::Settings settings;
};

// The pipeline's stack in CloudFormation, where it has one.
class OwnStack {
 public:
  virtual ~OwnStack() = default;
  // What the commit's configuration makes of the settings that the pipeline was deployed with.
  virtual Result<CommitPipeline> resolve(const config::Config& config,
                                         const argo::Settings& deployed) = 0;
  // Deploys the stack where it differs. Nothing where the pipeline has none of its own.
  virtual Status deploy(const config::Config& config, const argo::Settings& deployed,
                        engine::StepContext& context) = 0;
};

using Connect = std::function<Result<std::shared_ptr<k8s::Client>>()>;

class ClusterPlanStore final : public engine::PlanStore {
 public:
  struct Parts {
    const Pod& pod;
    argo::Settings deployed;  // of the template that this run came from
    OwnStack& stack;
    Connect connect;
  };
  explicit ClusterPlanStore(Parts parts) : parts_(std::move(parts)) {}

  Result<plan::Plan> plan_of(const config::Config& config, const std::string& pipeline) override;
  // Generates, checks and rehearses before it changes anything.
  Result<Change> update(const Update& update) override;
  // After a step that hands over: makes the workflow that goes on. One that is there is fine.
  Status hand_over(const os::CancelToken& cancel);

 private:
  Result<std::shared_ptr<k8s::Client>> client();
  // Whether the server would let us hand over. Changes nothing.
  Status try_hand_over(const os::CancelToken& cancel);

  Parts parts_;
  std::shared_ptr<k8s::Client> client_;
};

// kSettingsFile of the interface.
Result<argo::Settings> read_deployed_settings(const std::filesystem::path& file);

}  // namespace aphex::stage
