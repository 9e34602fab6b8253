#include "argo/stage_part.hpp"

#include <algorithm>
#include <optional>
#include <variant>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::argo {
namespace {

enum class Use { none, access, stacks };

struct StepUse {
  std::optional<std::size_t> environment;
  Use use = Use::none;
};

// Which environment a step works on, and whether on its stacks.
struct UseOf {
  StepUse operator()(const plan::CloneCommit&) const { return {}; }
  StepUse operator()(const plan::CheckConfiguration&) const { return {}; }
  StepUse operator()(const plan::CheckTools&) const { return {}; }
  StepUse operator()(const plan::CheckAccess& step) const {
    return {step.environment, Use::access};
  }
  StepUse operator()(const plan::CheckApp&) const { return {}; }
  StepUse operator()(const plan::FindArtifacts&) const { return {}; }
  StepUse operator()(const plan::RestoreCache&) const { return {}; }
  StepUse operator()(const plan::RunCommand& step) const {
    return {step.environment, step.environment ? Use::access : Use::none};
  }
  StepUse operator()(const plan::Synthesize& step) const { return {step.environment, Use::stacks}; }
  StepUse operator()(const plan::CheckStacks& step) const {
    return {step.environment, Use::stacks};
  }
  StepUse operator()(const plan::UploadArtifacts&) const { return {}; }
  StepUse operator()(const plan::UpdatePipeline&) const { return {}; }
  StepUse operator()(const plan::DownloadArtifacts&) const { return {}; }
  StepUse operator()(const plan::DeployStacks& step) const {
    return {step.environment, Use::stacks};
  }
  StepUse operator()(const plan::CaptureOutputs& step) const {
    return {step.environment, Use::stacks};
  }
  StepUse operator()(const plan::ProvideOutputs& step) const {
    return {step.environment, Use::access};
  }
  StepUse operator()(const plan::PrepareChanges& step) const {
    return {step.environment, Use::stacks};
  }
  StepUse operator()(const plan::AwaitApproval& step) const {
    return {step.environment, Use::access};
  }
  StepUse operator()(const plan::CheckApproval& step) const {
    return {step.environment, Use::stacks};
  }
};

StepUse use_of(const plan::Step& step) {
  return std::visit(UseOf{}, step.body);
}

// A pull request's pod has no AWS role: neither environments nor the artifact store.
bool allowed(const plan::Step& step, Trust trust) {
  if (trust == Trust::pipeline) return true;
  return !std::holds_alternative<plan::CheckAccess>(step.body) &&
         !std::holds_alternative<plan::FindArtifacts>(step.body) &&
         !std::holds_alternative<plan::UploadArtifacts>(step.body);
}

// The environments' new places in the part.
struct Renumber {
  const std::vector<std::size_t>& place;

  template <typename Body>
  void operator()(Body& body) const {
    if constexpr (requires { body.environment = std::size_t{0}; }) {
      move(body.environment);
    }
  }
  void move(std::size_t& environment) const { environment = place[environment]; }
  void move(std::optional<std::size_t>& environment) const {
    if (environment) environment = place[*environment];
  }
};

}  // namespace

std::string artifact_store_of(const plan::Plan& plan, const Settings& settings) {
  if (plan.artifact_store.starts_with("s3://")) return plan.artifact_store;
  return "s3://" + settings.artifact_bucket;
}

plan::Plan stage_part(const plan::Plan& plan, const plan::Stage& stage, const Settings& settings,
                      Trust trust) {
  plan::Plan part{.pipeline = plan.pipeline,
                  .on_change = plan.on_change,
                  .max_parallel_stacks = plan.max_parallel_stacks,
                  .bootstrap_qualifier = plan.bootstrap_qualifier,
                  .artifact_store =
                      trust == Trust::pipeline ? artifact_store_of(plan, settings) : std::string(),
                  .stack_settings = doc::Value::object(),
                  .environments = {},
                  .stages = {}};
  plan::Stage own{.id = stage.id,
                  .kind = stage.kind,
                  .environment = stage.environment,
                  .needs = {},
                  .timeout = stage.timeout,
                  .steps = {}};
  std::vector<Use> uses(plan.environments.size(), Use::none);
  if (stage.environment) uses[*stage.environment] = Use::access;
  for (const plan::Step& step : stage.steps) {
    if (!allowed(step, trust)) continue;
    own.steps.push_back(step);
    const StepUse use = use_of(step);
    if (use.environment) uses[*use.environment] = std::max(uses[*use.environment], use.use);
  }
  std::vector<std::size_t> place(plan.environments.size(), 0);
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (uses[i] == Use::none) continue;
    place[i] = part.environments.size();
    const plan::Environment& environment = plan.environments[i];
    part.environments.push_back(
        {environment.name, environment.region, environment.account,
         uses[i] == Use::stacks ? environment.stacks : std::vector<config::Stack>{}});
  }
  if (own.environment) own.environment = place[*own.environment];
  for (plan::Step& step : own.steps)
    std::visit(Renumber{place}, step.body);
  part.stages.push_back(std::move(own));
  return part;
}

std::string artifact_text(const doc::Value& value) {
  return replace_all(doc::to_json(value), "{{", "{\\u007b");
}

}  // namespace aphex::argo
