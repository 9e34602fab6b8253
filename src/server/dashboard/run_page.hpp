#pragma once
// The parts of a run's page; each in a file of its own.

#include <optional>
#include <vector>

#include "plan/plan.hpp"
#include "server/dashboard/page.hpp"

namespace aphex::server {

// All that the page is made of.
struct RunFacts {
  store::RunRecord run;
  std::optional<plan::Plan> plan;  // nothing: of another version
  std::vector<store::StageRecord> stages;
  std::vector<store::StepRecord> steps;
  std::vector<store::OutputRecord> outputs;
};

// The chain of stages as a graph (SVG).
std::string stage_chain(const RunFacts& facts);
// Each stage with its steps, and those of earlier attempts; in a deploy stage its stacks.
View stage_sections(const RunFacts& facts, const engine::RunPaths& paths);
// What the run's plan does otherwise than the one of the run before it: `changes`, `previous`.
Result<View> plan_changes(const Exchange& exchange, const RunFacts& facts);

}  // namespace aphex::server
