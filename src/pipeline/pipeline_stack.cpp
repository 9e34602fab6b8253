// include/aphex/pipeline_stack.hpp: the definition of a pipeline, and the construct.
#include "aphex/pipeline_stack.hpp"

#include <fmt/format.h>

#include "aphex/tags.hpp"
#include "base/text.hpp"
#include "pipeline/code_layer.hpp"
#include "pipeline/define.hpp"
#include "pipeline/definition_state.hpp"
#include "pipeline/manifests.hpp"
#include "pipeline/resource_table.hpp"

namespace aphex {
namespace {

using pipeline::Layer;
using pipeline::LayerKind;

Layer context_of(const Construct& scope) {
  Value context = Value::object();
  const auto look = [&](const std::string& key) {
    if (auto value = scope.node().context(key)) context.set(key, std::move(*value));
  };
  for (const pipeline::SettingInfo& setting : pipeline::setting_table()) {
    const std::string first = setting.key.substr(0, setting.key.find('.'));
    for (const std::string& key : {setting.key, first}) {
      look(key);
      look(std::string(pipeline::kContextPrefix) + key);
    }
  }
  return pipeline::context_layer(context);
}

Layer flag_layer(const std::map<std::string, std::string>& flags) {
  Layer layer{.kind = LayerKind::flags};
  for (const auto& [key, value] : flags)
    layer.values.emplace(key, value);
  return layer;
}

void add_problem(PipelineDefinition::State& state, std::string message, std::string hint) {
  state.problems.push_back({.path = {}, .message = std::move(message), .hint = std::move(hint)});
}

void fill(PipelineDefinition::State& state, const Construct& scope, PipelineProps props,
          const config::Config& config, std::vector<Layer> layers = {}) {
  state.provider = std::move(props.inputs.provider);
  layers.push_back(pipeline::code_layer(props.settings));
  layers.push_back(context_of(scope));
  layers.push_back(pipeline::environment_layer(props.inputs.environment));
  layers.push_back(flag_layer(props.flags));
  pipeline::Resolution resolution =
      pipeline::resolve(config, props.inputs.repository_name, std::move(layers));
  for (pipeline::SettingProblem& problem : resolution.problems)
    add_problem(state, std::move(problem.message), std::move(problem.hint));
  if (!resolution.settings) return;
  auto objects = argo::generate(*resolution.plan, resolution.settings->kubernetes);
  if (!objects) return add_problem(state, objects.error().message, objects.error().hint);
  state.settings = std::move(resolution.settings);
  state.plan = std::move(resolution.plan);
  state.objects = std::move(*objects);
}

void load(PipelineDefinition::State& state, const Construct& scope, PipelineProps props) {
  const Source source(props.inputs.configuration_name, props.inputs.configuration);
  // That a stack's file exists is for `aphex validate`, which sees the repository.
  const config::LoadResult loaded = config::load(source, config::UnseenRepository());
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity != Severity::error) continue;
    add_problem(state,
                fmt::format("{}:{}:{}: {}", source.name(), diagnostic.span.begin.line,
                            diagnostic.span.begin.column, diagnostic.message),
                diagnostic.hint);
  }
  if (loaded.config) fill(state, scope, std::move(props), *loaded.config);
}

// A stack whose account, region or name is not the settings' would be deployed next to what its
// rights and names are made for.
void check_stack(AphexPipelineStack& construct, const pipeline::Settings& settings) {
  const Stack* stack = Stack::of(construct);
  if (stack == nullptr) {
    return construct.node().add_problem(
        "an AphexPipelineStack stands outside of any stack",
        "make it in a Stack with PipelineDefinition::stack_props()");
  }
  if (stack->env() != Environment{settings.account, settings.region} ||
      stack->stack_name() != settings.stack_name) {
    construct.node().add_problem(
        fmt::format("the pipeline {} belongs to the stack {} in aws://{}/{}, and this is {} in "
                    "aws://{}/{}",
                    settings.name, settings.stack_name, settings.account, settings.region,
                    stack->stack_name(), stack->env().account, stack->env().region),
        "make the stack with PipelineDefinition::stack_props()");
  }
}

}  // namespace

PipelineDefinition::PipelineDefinition(const Construct& scope, PipelineProps props) {
  auto state = std::make_shared<State>();
  load(*state, scope, std::move(props));
  state_ = std::move(state);
}

PipelineDefinition pipeline::define(const Construct& scope, PipelineProps props,
                                    const config::Config& config, std::vector<Layer> beneath) {
  auto state = std::make_shared<PipelineDefinition::State>();
  fill(*state, scope, std::move(props), config, std::move(beneath));
  return PipelineDefinition(std::move(state));
}

const std::vector<Problem>& PipelineDefinition::problems() const {
  return state_->problems;
}

StackProps PipelineDefinition::stack_props() const {
  StackProps props;
  if (!state_->settings) return props;
  const pipeline::Settings& settings = *state_->settings;
  props.stack_name = settings.stack_name;
  props.env = {settings.account, settings.region};
  props.description = fmt::format("Pipeline {} of {}/{} on the cluster {}", settings.name,
                                  settings.kubernetes.github.owner,
                                  settings.kubernetes.github.repository, settings.cluster_name);
  props.bootstrap.qualifier = settings.bootstrap_qualifier;
  return props;
}

Result<std::string> PipelineDefinition::manifests() const {
  if (!state_->settings) {
    return fail(ErrorCode::invalid_config,
                "the pipeline's settings are wrong: " + aphex::describe(state_->problems));
  }
  return pipeline::manifests_yaml(*state_->settings, state_->objects);
}

AphexPipelineStack::AphexPipelineStack(Construct& scope, std::string id,
                                       const PipelineDefinition& definition)
    : Construct(scope, std::move(id)) {
  const PipelineDefinition::State& state = definition.state();
  for (const Problem& problem : state.problems)
    node().add_problem(problem.message, problem.hint);
  if (!state.settings) return;
  check_stack(*this, *state.settings);
  pipeline::StackParts parts(*this, state);
  for (const pipeline::ResourceGroup& group : pipeline::resource_table())
    group.add(parts);
  Tags::of(*this)
      .add("Project", state.settings->name)
      .add("ManagedBy", "aphex")
      .add("Environment", state.settings->environment_tag);
  artifact_bucket_name_ = parts.bucket->ref();
  workflow_execution_role_arn_ = parts.workflow_role->arn();
  webhook_url_ = parts.webhook_url;
  webhook_secret_arn_ = parts.webhook_secret->arn();
  alarm_topic_arn_ = parts.alarm_topic;
}

}  // namespace aphex
