#include "engine/step_table.hpp"

#include <cassert>

#include "engine/steps/steps.hpp"

namespace aphex::engine {
namespace {

// A throttled or unreachable service mostly answers within a minute; four attempts span that.
constexpr int kRetried = 4;
constexpr int kOnce = 1;

// In the order of plan::StepBody.
constexpr std::array<StepEntry, std::variant_size_v<plan::StepBody>> kTable{{
    {"clone", steps::clone_commit, kRetried},
    {"check-configuration", steps::check_configuration, kOnce},
    {"check-tools", steps::check_tools, kOnce},
    {"check-access", steps::check_access, kRetried},
    {"check-app", steps::check_app, kOnce},
    {"find-artifacts", steps::find_artifacts, kRetried},
    {"restore-cache", steps::restore_cache, kOnce},
    {"run-command", steps::run_command, kOnce},
    {"synthesize", steps::synthesize, kRetried},
    {"check-stacks", steps::check_stacks, kOnce},
    {"upload-artifacts", steps::upload_artifacts, kRetried},
    {"update-pipeline", steps::update_pipeline, kRetried},
    {"download-artifacts", steps::download_artifacts, kRetried},
    {"deploy-stacks", steps::deploy_stacks, kRetried},
    {"capture-outputs", steps::capture_outputs, kRetried},
    {"provide-outputs", steps::provide_outputs, kRetried},
    {"prepare-changes", steps::prepare_changes, kRetried},
    {"await-approval", steps::await_approval, kRetried},
    {"check-approval", steps::check_approval, kRetried},
}};

}  // namespace

const std::array<StepEntry, std::variant_size_v<plan::StepBody>>& step_table() {
  return kTable;
}

const StepEntry& step_entry(const plan::StepBody& body) {
  const StepEntry& entry = kTable[body.index()];
  assert(entry.kind == plan::kind_name(body));
  return entry;
}

}  // namespace aphex::engine
