#include "stage/pipeline_stack.hpp"

#include <fmt/format.h>

#include "aphex/app.hpp"
#include "aphex/pipeline_stack.hpp"
#include "api/provider_package.hpp"
#include "aws/services.hpp"
#include "base/text.hpp"
#include "engine/cdk_deployer.hpp"
#include "pipeline/define.hpp"
#include "pipeline/settings.hpp"

namespace aphex::stage {
namespace {

// In names of files and in messages, beside those of the application's environments.
constexpr std::string_view kEnvironment = "pipeline";

Result<pipeline::Resolution> resolution_of(const config::Config& config,
                                           const argo::Settings& deployed) {
  pipeline::Layer layer{pipeline::LayerKind::flags, {}};
  for (const auto& [key, value] : *deployed.given)
    layer.values.emplace(key, value);
  pipeline::Resolution resolution = pipeline::resolve(config, deployed.pipeline, {layer});
  if (resolution.settings) return resolution;
  std::vector<std::string> lines;
  for (const pipeline::SettingProblem& problem : resolution.problems)
    lines.push_back(problem.message);
  return fail(ErrorCode::invalid_config,
              fmt::format("the settings of the commit's pipeline are wrong: {}", join(lines, "; ")),
              resolution.problems.front().hint);
}

// The same tree as `aphex synth` makes: logical ids follow from it.
Status synthesize(const config::Config& config, const argo::Settings& deployed,
                  const std::filesystem::path& directory,
                  const os::EnvironmentVariables& environment) {
  App app(AppProps{.context = {}, .outdir = directory});
  PipelineProps props;
  props.inputs.repository_name = deployed.pipeline;
  props.flags = *deployed.given;
  APHEX_TRY(props.inputs.provider, find_provider_package({}, environment));
  const PipelineDefinition definition = pipeline::define(app, std::move(props), config);
  const StackProps stack_props = definition.stack_props();
  auto& stack = app.make<Stack>(stack_props.stack_name, stack_props);
  stack.make<AphexPipelineStack>("AphexPipelineStack", definition);
  APHEX_TRY([[maybe_unused]] const std::filesystem::path written, app.synth());
  return {};
}

// Whether the pipeline has a stack at all: its objects may have been applied by other means.
Result<bool> exists(const pipeline::Settings& settings, engine::StepContext& context) {
  const auto found = aws::describe_stack(context.services.aws, settings.region, settings.stack_name,
                                         context.cancel);
  if (found) return true;
  if (found.error().code == ErrorCode::not_found) return false;
  return fail_because("cannot look at the pipeline's stack " + settings.stack_name, found.error());
}

// The deployer looks for account and region in a plan's environment.
plan::Plan plan_of_stack(const pipeline::Settings& settings) {
  plan::Plan plan;
  plan.pipeline = settings.name;
  plan.bootstrap_qualifier = settings.bootstrap_qualifier;
  plan.environments.push_back({.name = std::string(kEnvironment),
                               .region = settings.region,
                               .account = settings.account,
                               .stacks = {}});
  return plan;
}

Status deploy_assembly(const std::filesystem::path& directory, const plan::Plan& plan,
                       engine::StepContext& context) {
  engine::StepContext own{plan,
                          context.stage,
                          context.step,
                          context.parameters,
                          context.options,
                          context.paths,
                          context.services,
                          context.log,
                          context.cancel,
                          context.on_process_group,
                          context.plan_digest};
  APHEX_TRY(engine::CdkCli cli, engine::find_cdk({.processes = context.services.processes,
                                                  .environment = context.services.environment,
                                                  .working_copy = context.paths.work()},
                                                 context.cancel));
  APHEX_TRY(const engine::Assembly assembly, engine::read_assembly(directory));
  engine::CdkDeployer deployer(own, std::move(cli), 0);
  const engine::AssemblyStack& stack = assembly.stacks.front();
  APHEX_TRY(const engine::StackChange change,
            deployer.deploy({.name = stack.physical_name,
                             .stack = stack,
                             .assembly = directory,
                             .outputs_file = context.paths.root / "pipeline-outputs.json",
                             .events_file = context.paths.events(std::string(kEnvironment)) /
                                            (stack.physical_name + ".json")}));
  context.log.note(fmt::format("the pipeline's stack {} is {}", stack.physical_name,
                               change == engine::StackChange::changed ? "deployed" : "unchanged"));
  return {};
}

}  // namespace

Result<CommitPipeline> PipelineStack::resolve(const config::Config& config,
                                              const argo::Settings& deployed) {
  if (!deployed.given) {
    return CommitPipeline{plan::make_plan(config, deployed.pipeline), deployed};
  }
  APHEX_TRY(pipeline::Resolution resolution, resolution_of(config, deployed));
  return CommitPipeline{std::move(*resolution.plan), std::move(resolution.settings->kubernetes)};
}

Status PipelineStack::deploy(const config::Config& config, const argo::Settings& deployed,
                             engine::StepContext& context) {
  if (!deployed.given) {
    context.log.note(
        "a program made the pipeline's stack: that program deploys it, this run changes the "
        "templates");
    return {};
  }
  APHEX_TRY(const pipeline::Resolution resolution, resolution_of(config, deployed));
  APHEX_TRY(const bool has_stack, exists(*resolution.settings, context));
  if (!has_stack) {
    context.log.note(fmt::format("there is no stack {}: this run changes the templates alone",
                                 resolution.settings->stack_name));
    return {};
  }
  const std::filesystem::path directory = context.paths.root / "pipeline-assembly";
  APHEX_CHECK(synthesize(config, deployed, directory, context.services.environment));
  const plan::Plan plan = plan_of_stack(*resolution.settings);
  return deploy_assembly(directory, plan, context);
}

}  // namespace aphex::stage
