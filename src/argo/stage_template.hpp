#pragma once
// One template of the WorkflowTemplate: a stage's pod.

#include <string>

#include "argo/context.hpp"
#include "argo/stage_part.hpp"
#include "doc/value.hpp"

namespace aphex::argo {

struct StageTemplate {
  std::string name;  // of the template
  const plan::Stage& stage;
  Trust trust = Trust::pipeline;
};
doc::Value stage_template(const Context& context, const StageTemplate& of);
// Of the exit handler.
doc::Value exit_template(const Context& context);

inline constexpr std::string_view kMainTemplate = "main";
inline constexpr std::string_view kExitTemplate = "exit";
inline constexpr std::string_view kWorkVolume = "work";
inline constexpr std::string_view kTemporaryVolume = "tmp";
inline constexpr std::string_view kTokenVolume = "github-token";
// The output of the stage `pipeline` that decides whether the workflow goes on.
inline constexpr std::string_view kOutcomeParameter = "outcome";

// "arn:aws:iam::<account>:role/cdk-<qualifier>-deploy-role-<account>-<region>"
std::string deploy_role_arn(const plan::Environment& environment, std::string_view qualifier);

}  // namespace aphex::argo
