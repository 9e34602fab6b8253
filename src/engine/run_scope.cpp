#include "engine/run_scope.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"

namespace aphex::engine {
namespace {

// CloudFormation's names have 128 characters; an application puts its own before it.
constexpr std::size_t kReadable = 24;
constexpr std::size_t kDigits = 6;

bool is_validation(const plan::Step& step) {
  // Tools are asked by starting them, and the commit may bring its own; accounts need credentials.
  return !std::holds_alternative<plan::CheckTools>(step.body) &&
         !std::holds_alternative<plan::CheckAccess>(step.body);
}

plan::Plan validation_plan(plan::Plan plan) {
  std::erase_if(plan.stages,
                [](const plan::Stage& stage) { return stage.kind != plan::StageKind::validate; });
  for (plan::Stage& stage : plan.stages)
    std::erase_if(stage.steps, [](const plan::Step& step) { return !is_validation(step); });
  return plan;
}

Result<config::Config> with_environments(config::Config config,
                                         const std::vector<std::string>& wanted) {
  std::vector<std::string> known;
  for (const config::Environment& environment : config.environments)
    known.push_back(environment.name);
  for (const std::string& name : wanted) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return fail(ErrorCode::invalid_config,
                fmt::format("the server deploys branches to the environment {}, which the commit's "
                            "configuration does not have; it has {}",
                            name, join(known, ", ")),
                "correct branches.environments of the server's configuration");
  }
  std::erase_if(config.environments, [&](const config::Environment& environment) {
    if (wanted.empty()) return environment.name != known.front();
    return std::find(wanted.begin(), wanted.end(), environment.name) == wanted.end();
  });
  return config;
}

plan::Plan without_pipeline_stage(plan::Plan plan) {
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    if (plan.stages[i].kind != plan::StageKind::pipeline) continue;
    const plan::Stage gone = plan.stages[i];
    plan.stages.erase(plan.stages.begin() + static_cast<std::ptrdiff_t>(i));
    for (plan::Stage& stage : plan.stages) {
      if (std::erase(stage.needs, gone.id) == 0) continue;
      stage.needs.insert(stage.needs.end(), gone.needs.begin(), gone.needs.end());
    }
    break;
  }
  return plan;
}

}  // namespace

std::string branch_id(std::string_view branch) {
  std::string id;
  for (const char c : to_lower(branch)) {
    if (id.size() >= kReadable) break;
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      id += c;
    } else if (!id.empty() && id.back() != '-') {
      id += '-';
    }
  }
  if (id.empty()) id = "branch";
  if (id.back() != '-') id += '-';
  return id + sha256_hex(branch).substr(0, kDigits);
}

Result<plan::Plan> scoped_plan(config::Config config, std::string_view repository_name,
                               const ScopedPipeline& wanted) {
  if (wanted.scope == Scope::branch) {
    APHEX_TRY(config, with_environments(std::move(config), wanted.environments));
  }
  plan::Plan plan = plan::make_plan(config, repository_name);
  if (!wanted.name.empty()) plan.pipeline = wanted.name;
  if (wanted.scope == Scope::branch) return without_pipeline_stage(std::move(plan));
  if (wanted.scope == Scope::validation) return validation_plan(std::move(plan));
  return plan;
}

Status check_branch_stacks(const StepContext& context, const std::vector<AssemblyStack>& stacks) {
  if (context.options.scope != Scope::branch) return {};
  std::vector<std::string> foreign;
  for (const AssemblyStack& stack : stacks) {
    if (stack.physical_name.find(context.options.branch_id) == std::string::npos)
      foreign.push_back(fmt::format("{} ({})", stack.name, stack.physical_name));
  }
  if (foreign.empty()) return {};
  return fail(ErrorCode::invalid_config,
              fmt::format("the branch {} has a pipeline of its own, and {} of its stacks would be "
                          "deployed under a name that is not its own: {}",
                          context.parameters.branch, foreign.size(), join(foreign, ", ")),
              fmt::format("make the name of each stack of the branch's id where there is one: "
                          "stackName: `Api-${{process.env.APHEX_BRANCH_ID}}` gives Api-{}",
                          context.options.branch_id));
}

}  // namespace aphex::engine
