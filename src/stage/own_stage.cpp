#include "stage/own_stage.hpp"

#include "argo/stage_part.hpp"
#include "engine/commit_config.hpp"

namespace aphex::stage {

std::optional<plan::Plan> own_part(const FailedStage& failed, const Error& error) {
  const plan::Stage& stage = failed.part.stages.front();
  const bool before_update =
      stage.kind == plan::StageKind::validate || stage.kind == plan::StageKind::build;
  if (!before_update || error.code == ErrorCode::cancelled) return std::nullopt;
  const auto loaded = engine::load_commit_config(failed.paths, failed.options, failed.parameters);
  if (!loaded || !loaded->result.config) return std::nullopt;
  const plan::Plan own = plan::make_plan(*loaded->result.config, failed.part.pipeline);
  const plan::Stage* own_stage = plan::find_stage(own, stage.id);
  if (own_stage == nullptr || own.pipeline != failed.part.pipeline) return std::nullopt;
  // A pull request's pod has no store.
  const argo::Trust trust =
      failed.part.artifact_store.empty() ? argo::Trust::pull_request : argo::Trust::pipeline;
  plan::Plan part = argo::stage_part(own, *own_stage, {}, trust);
  // What settings from elsewhere may say, and what is no matter of these stages.
  part.artifact_store = failed.part.artifact_store;
  part.bootstrap_qualifier = failed.part.bootstrap_qualifier;
  part.on_change = failed.part.on_change;
  part.max_parallel_stacks = failed.part.max_parallel_stacks;
  if (plan::digest(part) == plan::digest(failed.part)) return std::nullopt;
  return part;
}

}  // namespace aphex::stage
