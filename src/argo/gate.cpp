#include "argo/gate.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "argo/stage_interface.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

struct GateOutput {
  std::string_view name;
  std::string_view otherwise;  // where nobody decided
};
constexpr std::array<GateOutput, 3> kOutputs{
    {{kDecisionParameter, kExpired}, {kDigestParameter, "none"}, {kPeopleParameter, "nobody"}}};

struct ChangesOutput {
  std::string_view name;
  std::string_view file;
};
constexpr std::array<ChangesOutput, 3> kChanges{{{kDigestParameter, kChangesDigestFile},
                                                 {kSummaryParameter, kChangesSummaryFile},
                                                 {kTextParameter, kChangesTextFile}}};

const config::Approval& approval_of(const plan::Stage& stage) {
  static const config::Approval kNone;
  for (const plan::Step& step : stage.steps) {
    if (const auto* await = std::get_if<plan::AwaitApproval>(&step.body)) return await->approval;
  }
  return kNone;
}

const std::string& environment_of(const plan::Plan& plan, const plan::Stage& stage) {
  return plan.environments[*stage.environment].name;
}

std::string policy_text(const config::Approval& approval) {
  return doc::to_json(Value::object({{"approvers", Value::strings(approval.approvers)},
                                     {"quorum", std::int64_t{approval.quorum}},
                                     {"selfApproval", approval.self_approval},
                                     {"expiresSeconds", std::int64_t{approval.expires.count()}}}));
}

std::string output_of(std::string_view task, std::string_view parameter) {
  return fmt::format("{{{{tasks.{}.outputs.parameters.{}}}}}", task, parameter);
}

Value named(std::string_view name, std::string_view value) {
  return Value::object({{"name", name}, {"value", value}});
}

}  // namespace

std::string gate_name(const plan::Plan& plan, const plan::Stage& stage) {
  return std::string(kGatePrefix) + environment_of(plan, stage);
}

std::string gate_template_name(std::string_view stage_template_name) {
  // No stage's name begins so, and the stages' names differ.
  return std::string(kGatePrefix) + std::string(stage_template_name);
}

Value gate_template(const Context& context, const plan::Stage& stage, const std::string& name) {
  const config::Approval& approval = approval_of(stage);
  Value outputs = Value::array();
  for (const GateOutput& output : kOutputs) {
    outputs.push_back(Value::object(
        {{"name", output.name},
         {"valueFrom",
          Value::object({{"supplied", Value::object()}, {"default", output.otherwise}})}}));
  }
  return Value::object(
      {{"name", name},
       {"metadata",
        Value::object({{"annotations", Value::object({{"aphex.dev/stage", stage.id}})}})},
       {"inputs", Value::object({{"parameters",
                                  Value::array({named(kEnvironmentParameter,
                                                      environment_of(context.plan, stage)),
                                                named(kPolicyParameter, policy_text(approval)),
                                                Value::object({{"name", kDigestParameter}}),
                                                Value::object({{"name", kSummaryParameter}})})}})},
       {"outputs", Value::object({{"parameters", std::move(outputs)}})},
       {"suspend", Value::object({{"duration", fmt::format("{}s", approval.expires.count())}})}});
}

Value gate_task(const Context& context, const plan::Stage& stage,
                const std::string& template_name) {
  return Value::object(
      {{"name", gate_name(context.plan, stage)},
       {"template", template_name},
       {"depends", stage.id + ".Succeeded"},
       {"arguments",
        Value::object(
            {{"parameters",
              Value::array(
                  {named(kDigestParameter, output_of(stage.id, kDigestParameter)),
                   named(kSummaryParameter, output_of(stage.id, kSummaryParameter))})}})}});
}

bool checks_approval(const plan::Stage& stage) {
  return std::any_of(stage.steps.begin(), stage.steps.end(), [](const plan::Step& step) {
    return std::holds_alternative<plan::CheckApproval>(step.body);
  });
}

Value gate_inputs() {
  Value parameters = Value::array();
  for (const GateOutput& output : kOutputs)
    parameters.push_back(Value::object({{"name", output.name}}));
  return parameters;
}

Value gate_results(const Context& context, const plan::Stage& stage) {
  const std::string gate = std::string(kGatePrefix) + environment_of(context.plan, stage);
  Value parameters = Value::array();
  for (const GateOutput& output : kOutputs)
    parameters.push_back(named(output.name, output_of(gate, output.name)));
  return Value::object({{"parameters", std::move(parameters)}});
}

Value changes_outputs() {
  Value parameters = Value::array();
  for (const ChangesOutput& output : kChanges) {
    parameters.push_back(Value::object(
        {{"name", output.name}, {"valueFrom", Value::object({{"path", output.file}})}}));
  }
  return Value::object({{"parameters", std::move(parameters)}});
}

}  // namespace aphex::argo
