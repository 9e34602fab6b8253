#include "stage/cluster_plan_store.hpp"

#include <charconv>

#include <fmt/format.h>

#include "argo/objects.hpp"
#include "engine/git.hpp"
#include "os/files.hpp"
#include "stage/successor.hpp"
#include "stage/template_update.hpp"

namespace aphex::stage {
namespace {

constexpr std::size_t kMaxSettingsBytes = 1U << 20U;

Result<TemplateCommit> commit_of(engine::StepContext& context) {
  engine::Git git(context.services.processes, context.services.environment, context.cancel);
  const std::string& sha = context.parameters.commit_sha;
  APHEX_TRY(const std::int64_t time, git.commit_time(context.paths.work(), sha));
  return TemplateCommit{sha, time};
}

}  // namespace

Result<argo::Settings> read_deployed_settings(const std::filesystem::path& file) {
  Result<std::string> text = os::read_file(file, kMaxSettingsBytes);
  if (!text) {
    Error error = std::move(text.error());
    error.code = ErrorCode::usage;
    error.hint = "the WorkflowTemplate embeds them for the stage 'pipeline'";
    return fail_because("cannot read the pipeline's settings", std::move(error));
  }
  const Result<doc::Value> value = doc::parse_json(*text);
  if (!value) return fail_because(file.string(), value.error());
  Result<argo::Settings> settings = argo::settings_from_value(*value);
  if (!settings) return fail_because(file.string(), std::move(settings.error()));
  return settings;
}

Result<std::shared_ptr<k8s::Client>> ClusterPlanStore::client() {
  if (!client_) {
    APHEX_TRY(client_, parts_.connect());
  }
  return client_;
}

Result<plan::Plan> ClusterPlanStore::plan_of(const config::Config& config,
                                             const std::string& /*pipeline*/) {
  APHEX_TRY(CommitPipeline commit, parts_.stack.resolve(config, parts_.deployed));
  return std::move(commit.plan);
}

Result<engine::PlanStore::Change> ClusterPlanStore::update(const Update& update) {
  engine::StepContext& context = update.context;
  const os::CancelToken& cancel = context.cancel;
  APHEX_TRY(const CommitPipeline wanted, parts_.stack.resolve(update.config, parts_.deployed));
  APHEX_TRY(std::vector<argo::Object> templates,
            argo::generate_templates(wanted.plan, wanted.settings));
  APHEX_TRY(const TemplateCommit commit, commit_of(context));
  APHEX_TRY(const std::shared_ptr<k8s::Client> cluster, client());
  TemplateUpdate change(*cluster, std::move(templates), commit,
                        [&](std::string_view line) { context.log.note(line); });
  APHEX_TRY(const bool superseded, change.superseded(cancel));
  if (superseded) return Change::superseded;

  const bool hands_over = plan::digest(wanted.plan) != parts_.pod.plan_digest &&
                          wanted.plan.on_change == config::OnChange::restart;
  if (hands_over && is_successor(parts_.pod)) {
    return fail(ErrorCode::invalid_config,
                "the plan changed again after the run was already restarted for it",
                "the plan must follow from the commit and the pipeline's settings alone: a setting "
                "of the commit's pipeline block may contradict one that it was deployed with");
  }
  APHEX_CHECK(change.rehearse(cancel));
  const Status can_go_on = hands_over ? try_hand_over(cancel) : Status();
  // The commit may be the one that gives the right, by the stack.
  if (!can_go_on && can_go_on.error().code != ErrorCode::permission) {
    return fail(can_go_on.error());
  }
  APHEX_CHECK(parts_.stack.deploy(update.config, parts_.deployed, context));
  if (!can_go_on) APHEX_CHECK(try_hand_over(cancel));
  return change.apply(cancel);
}

Status ClusterPlanStore::try_hand_over(const os::CancelToken& cancel) {
  APHEX_TRY(const std::shared_ptr<k8s::Client> cluster, client());
  APHEX_TRY(const doc::Value successor, successor_workflow(parts_.pod, parts_.deployed));
  const Result<doc::Value> tried = cluster->create(successor, k8s::DryRun::yes, cancel);
  if (tried || tried.error().code == ErrorCode::already_exists) return {};
  return fail(tried.error());
}

Status ClusterPlanStore::hand_over(const os::CancelToken& cancel) {
  APHEX_TRY(const std::shared_ptr<k8s::Client> cluster, client());
  APHEX_TRY(const doc::Value successor, successor_workflow(parts_.pod, parts_.deployed));
  const Result<doc::Value> made = cluster->create(successor, k8s::DryRun::no, cancel);
  if (made || made.error().code == ErrorCode::already_exists) return {};
  return fail_because(
      "the pipeline is changed, but the workflow that goes on under the new plan was not made",
      made.error());
}

}  // namespace aphex::stage
