#pragma once
// Which stack of the application each configured name means.

#include <string>
#include <vector>

#include "engine/assembly.hpp"
#include "plan/plan.hpp"
#include "plan/stack_order.hpp"

namespace aphex::engine {

struct StackMatch {
  // By the index of plan::Environment::stacks: an index into Assembly::stacks. Whole only where
  // there are no problems.
  std::vector<std::size_t> stacks;
  std::vector<std::string> problems;  // each a sentence; any of them forbids a deployment
  std::vector<std::string> notes;     // worth a line in the log
};

// By the stack's path in the construct tree (`cdk ls`), else by its artifact id, else by its
// physical name. Every problem is reported, with suggestions.
StackMatch match_stacks(const plan::Environment& environment, const Assembly& assembly);

// What the assembly adds to dependsOn, among the configured stacks.
plan::AssemblyDependencies assembly_dependencies(const plan::Environment& environment,
                                                 const Assembly& assembly, const StackMatch& match);

// Stacks of the application that a configured one needs and nobody deploys.
std::vector<std::string> foreign_dependencies(const plan::Environment& environment,
                                              const Assembly& assembly, const StackMatch& match);

// Configured stacks that name no account or region: the CLI would deploy them wherever its own
// credentials lead.
std::vector<std::string> agnostic_stacks(const plan::Environment& environment,
                                         const Assembly& assembly, const StackMatch& match);

}  // namespace aphex::engine
