#pragma once
// In which order an environment's stacks deploy, and why.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/graph.hpp"
#include "base/result.hpp"
#include "plan/plan.hpp"

namespace aphex::plan {

// What the cloud assembly says on top of the configuration: stack name → the names of the
// configured stacks that it needs (the CDK finds cross-stack references).
using AssemblyDependencies = std::map<std::string, std::vector<std::string>>;

enum class EdgeSource { configuration, assembly };

struct StackEdge {
  std::size_t needs;  // index of the stack that comes first
  EdgeSource source;
};

struct StackOrder {
  std::vector<std::size_t> order;             // indices into Environment::stacks
  std::vector<std::size_t> wave;              // by stack index: 0 needs nothing; n needs wave n-1
  std::vector<std::vector<StackEdge>> edges;  // by stack index; configuration's first
};

// Ties keep the order of the file. An Error names the cycle that both sources together make.
Result<StackOrder> order_stacks(const Environment& environment,
                                const AssemblyDependencies& assembly = {});

}  // namespace aphex::plan
