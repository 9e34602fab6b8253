#pragma once
// An environment's configured stacks, found in its assembly and put in order.

#include <cstddef>
#include <vector>

#include "base/graph.hpp"
#include "engine/assembly.hpp"
#include "engine/stack_match.hpp"
#include "engine/step.hpp"
#include "plan/stack_order.hpp"

namespace aphex::engine {

struct PreparedStacks {
  Assembly assembly;
  StackMatch match;  // without problems
  plan::StackOrder order;

  const AssemblyStack& stack(std::size_t configured) const {
    return assembly.stacks[match.stacks[configured]];
  }
  Needs needs() const;
};

// Reads the run's assembly of the environment and checks the configured stacks against it; the
// Error names every problem. Notes (names that differ, edges that dependsOn lacks, stacks that
// nobody deploys) come back in `match.notes`.
Result<PreparedStacks> prepare_stacks(StepContext& context, std::size_t environment);

}  // namespace aphex::engine
