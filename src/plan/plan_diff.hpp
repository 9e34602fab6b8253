#pragma once
// What one plan does otherwise than another, for people. Pure.

#include <string>
#include <vector>

#include "plan/plan.hpp"

namespace aphex::plan {

struct PlanChange {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  std::string where;   // "pipeline", "environment prod", "stack Api of prod", "stage build"
  std::string what;    // "account", "step npm test"; empty: the thing itself
  std::string before;  // of what is changed
  std::string after;
};

// In the order of the plan: the pipeline, its environments with their stacks, its stages.
std::vector<PlanChange> differences(const Plan& before, const Plan& after);

}  // namespace aphex::plan
