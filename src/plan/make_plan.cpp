#include <fmt/format.h>

#include "base/text.hpp"
#include "plan/plan.hpp"

namespace aphex::plan {
namespace {

// Titles quote a command's first line; the whole of it stands in the step itself.
constexpr std::size_t kMaxTitleCommand = 60;

std::string short_command(const std::string& command) {
  const std::string_view first = trim(std::string_view(command).substr(0, command.find('\n')));
  const bool cut = utf8_length(first) > kMaxTitleCommand || first.size() < trim(command).size();
  return utf8_substr(first, 0, kMaxTitleCommand) + (cut ? "…" : "");
}

void add_commands(std::vector<Step>& steps, const std::vector<std::string>& commands,
                  CommandRole role, std::optional<std::size_t> environment) {
  for (std::size_t i = 0; i < commands.size(); ++i) {
    steps.push_back({fmt::format("{}-{}", to_string(role), i + 1), short_command(commands[i]),
                     RunCommand{role, commands[i], environment}});
  }
}

Stage validate_stage(const config::Config& config) {
  Stage stage{.id = "validate",
              .kind = StageKind::validate,
              .environment = std::nullopt,
              .needs = {},
              .timeout = config.timeouts.validate,
              .steps = {}};
  stage.steps.push_back({"clone", "clone the commit", CloneCommit{}});
  stage.steps.push_back({"configuration", "check the configuration", CheckConfiguration{}});
  stage.steps.push_back({"tools", "check tools", CheckTools{}});
  for (std::size_t i = 0; i < config.environments.size(); ++i) {
    const config::Environment& environment = config.environments[i];
    stage.steps.push_back({"access-" + environment.name,
                           fmt::format("check access to {} ({} {})", environment.name,
                                       environment.account, environment.region),
                           CheckAccess{i}});
  }
  stage.steps.push_back({"app", "check the CDK application's settings", CheckApp{}});
  return stage;
}

Stage build_stage(const config::Config& config) {
  Stage stage{.id = "build",
              .kind = StageKind::build,
              .environment = std::nullopt,
              .needs = {"validate"},
              .timeout = config.timeouts.build,
              .steps = {}};
  stage.steps.push_back({"find", "look for this commit's artifacts", FindArtifacts{}});
  stage.steps.push_back(
      {"cache", "restore the dependency cache", RestoreCache{config.build.cache}});
  add_commands(stage.steps, config.build.commands, CommandRole::build, std::nullopt);
  for (std::size_t i = 0; i < config.environments.size(); ++i) {
    const std::string& name = config.environments[i].name;
    stage.steps.push_back({"synthesize-" + name, "synthesize " + name, Synthesize{i}});
    stage.steps.push_back({"stacks-" + name, "check the stacks of " + name, CheckStacks{i}});
  }
  stage.steps.push_back(
      {"upload", "pack and upload artifacts", UploadArtifacts{config.build.artifacts}});
  return stage;
}

Stage pipeline_stage(const config::Config& config) {
  return {.id = "pipeline",
          .kind = StageKind::pipeline,
          .environment = std::nullopt,
          .needs = {"build"},
          .timeout = config.timeouts.pipeline,
          .steps = {{"update", "update the pipeline", UpdatePipeline{}}}};
}

// Titles name some people only; the step itself has all.
std::string approval_title(const config::Approval& approval) {
  constexpr std::size_t kMaxNames = 4;
  if (approval.approvers.empty()) {
    return approval.quorum == 1 ? "wait for an approval"
                                : fmt::format("wait for {} approvals", approval.quorum);
  }
  std::vector<std::string> names = approval.approvers;
  if (names.size() > kMaxNames) {
    names.resize(kMaxNames);
    names.push_back("…");
  }
  const bool all = approval.quorum == approval.approvers.size();
  return fmt::format("wait for the approval of {}{}",
                     all ? "" : fmt::format("{} of ", approval.quorum), join(names, ", "));
}

Stage approve_stage(const config::Config& config, std::size_t index) {
  const config::Environment& environment = config.environments[index];
  Stage stage{.id = "approve-" + environment.name,
              .kind = StageKind::approve,
              .environment = index,
              .needs = {},
              .timeout = config.timeouts.approve,
              .steps = {}};
  stage.steps.push_back({"download", "download artifacts", DownloadArtifacts{}});
  stage.steps.push_back({"access", "take the environment's credentials", CheckAccess{index}});
  stage.steps.push_back({"synthesize", "synthesize " + environment.name, Synthesize{index}});
  stage.steps.push_back({"changes", "find out what would change", PrepareChanges{index}});
  stage.steps.push_back({"approval", approval_title(*environment.approval),
                         AwaitApproval{index, *environment.approval}});
  return stage;
}

Stage deploy_stage(const config::Config& config, std::size_t index) {
  const config::Environment& environment = config.environments[index];
  Stage stage{.id = "deploy-" + environment.name,
              .kind = StageKind::deploy,
              .environment = index,
              .needs = {},
              .timeout = config.timeouts.deploy,
              .steps = {}};
  stage.steps.push_back({"download", "download artifacts", DownloadArtifacts{}});
  stage.steps.push_back({"access", "take the environment's credentials", CheckAccess{index}});
  stage.steps.push_back({"synthesize", "synthesize " + environment.name, Synthesize{index}});
  if (environment.approval) {
    stage.steps.push_back(
        {"approval", "check that this is what was approved", CheckApproval{index}});
  }
  add_commands(stage.steps, environment.hooks.before_deploy, CommandRole::before_deploy, index);
  stage.steps.push_back({"stacks",
                         fmt::format("deploy {} stack{}", environment.stacks.size(),
                                     environment.stacks.size() == 1 ? "" : "s"),
                         DeployStacks{index}});
  stage.steps.push_back({"outputs", "capture outputs", CaptureOutputs{index}});
  add_commands(stage.steps, environment.hooks.after_deploy, CommandRole::after_deploy, index);
  return stage;
}

Stage test_stage(const config::Config& config, std::size_t index) {
  const config::Environment& environment = config.environments[index];
  Stage stage{.id = "test-" + environment.name,
              .kind = StageKind::test,
              .environment = index,
              .needs = {},
              .timeout = config.timeouts.test,
              .steps = {}};
  stage.steps.push_back({"download", "download artifacts", DownloadArtifacts{}});
  stage.steps.push_back({"outputs", "provide outputs", ProvideOutputs{index}});
  add_commands(stage.steps, environment.test_commands, CommandRole::test, index);
  return stage;
}

}  // namespace

Plan make_plan(const config::Config& config, std::string_view repository_name) {
  const config::Pipeline& pipeline = config.pipeline;
  Plan plan{.pipeline = pipeline.name.empty() ? std::string(repository_name) : pipeline.name,
            .on_change = pipeline.on_change,
            .max_parallel_stacks = pipeline.max_parallel_stacks,
            .bootstrap_qualifier = pipeline.bootstrap_qualifier,
            .artifact_store = pipeline.artifact_store,
            .stack_settings = pipeline.stack_settings,
            .environments = {},
            .stages = {}};
  plan.stages.reserve(3 + 3 * config.environments.size());
  plan.stages.push_back(validate_stage(config));
  plan.stages.push_back(build_stage(config));
  plan.stages.push_back(pipeline_stage(config));
  plan.environments.reserve(config.environments.size());
  for (std::size_t i = 0; i < config.environments.size(); ++i) {
    const config::Environment& environment = config.environments[i];
    plan.environments.push_back(
        {environment.name, environment.region, environment.account, environment.stacks});
    if (environment.approval) {
      Stage approve = approve_stage(config, i);
      approve.needs = {plan.stages.back().id};
      plan.stages.push_back(std::move(approve));
    }
    Stage deploy = deploy_stage(config, i);
    deploy.needs = {plan.stages.back().id};
    plan.stages.push_back(std::move(deploy));
    if (environment.test_commands.empty()) continue;
    Stage test = test_stage(config, i);
    test.needs = {plan.stages.back().id};
    plan.stages.push_back(std::move(test));
  }
  return plan;
}

std::string_view to_string(StageKind kind) {
  switch (kind) {
    case StageKind::validate:
      return "validate";
    case StageKind::build:
      return "build";
    case StageKind::pipeline:
      return "pipeline";
    case StageKind::approve:
      return "approve";
    case StageKind::deploy:
      return "deploy";
    case StageKind::test:
      return "test";
  }
  return "validate";
}

std::string_view to_string(CommandRole role) {
  switch (role) {
    case CommandRole::build:
      return "build";
    case CommandRole::before_deploy:
      return "before-deploy";
    case CommandRole::after_deploy:
      return "after-deploy";
    case CommandRole::test:
      return "test";
  }
  return "build";
}

std::chrono::seconds approval_wait(const Stage& stage) {
  std::chrono::seconds wait{0};
  for (const Step& step : stage.steps) {
    if (const auto* await = std::get_if<AwaitApproval>(&step.body)) wait += await->approval.expires;
  }
  return wait;
}

const Stage* find_stage(const Plan& plan, std::string_view id) {
  for (const Stage& stage : plan.stages) {
    if (stage.id == id) return &stage;
  }
  return nullptr;
}

}  // namespace aphex::plan
