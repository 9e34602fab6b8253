#pragma once
// A plan for people and for drawing programs.

#include <string>

#include "plan/plan.hpp"

namespace aphex::plan {

enum class Detail { stages, steps };

// Stages in order; under each deployment its stacks with the reason for their place.
Result<std::string> render_text(const Plan& plan, Detail detail);
// The plan's JSON with, for each environment, the order and the reasons, and the digest.
Result<doc::Value> render_json(const Plan& plan);
// The stages as a chain, each environment's stacks as a graph within its stage.
std::string render_graphviz(const Plan& plan);
std::string render_mermaid(const Plan& plan);

}  // namespace aphex::plan
