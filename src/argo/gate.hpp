#pragma once
// The node between a stage that asks and the deployment: it waits for people, and its outputs say
// what they decided. Nothing but an approval lets the deployment pass; that the time is up, or that
// somebody resumed the node by other means, gives out a default which does not.

#include <string>
#include <string_view>

#include "argo/context.hpp"
#include "doc/value.hpp"

namespace aphex::argo {

// "gate-<environment>": the task behind an approve stage.
std::string gate_name(const plan::Plan& plan, const plan::Stage& stage);
// Of the template, from that of the stage's.
std::string gate_template_name(std::string_view stage_template_name);

doc::Value gate_template(const Context& context, const plan::Stage& stage, const std::string& name);
doc::Value gate_task(const Context& context, const plan::Stage& stage,
                     const std::string& template_name);

// Whether a stage's first work is to look whether it was approved.
bool checks_approval(const plan::Stage& stage);
// The parameters that such a stage's template takes, and its task's arguments: the gate's outputs.
doc::Value gate_inputs();
doc::Value gate_results(const Context& context, const plan::Stage& stage);
// What an approve stage gives out.
doc::Value changes_outputs();

}  // namespace aphex::argo
