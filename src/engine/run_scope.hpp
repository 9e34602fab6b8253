#pragma once
// Runs that are not of the whole pipeline: pull requests, and branches with pipelines of their own.
//
// A branch's pipeline deploys the commit's stacks under names of their own, which hold the branch's
// id. It has its own name ("app@feature-login-3f9a2c"), and with it its own lock, runs and
// artifacts. It runs under the commit's own plan: there is no stage `pipeline`, so that no branch
// changes what another branch runs.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "engine/assembly.hpp"
#include "engine/step.hpp"

namespace aphex::engine {

// "feature/Login" is "feature-login-3f9a2c": at most 31 lower-case letters, digits and '-', for
// names of stacks; the digits, of the SHA-256 of the whole name, tell apart what looks alike.
std::string branch_id(std::string_view branch);

struct ScopedPipeline {
  Scope scope = Scope::pipeline;
  std::string name{};                       // of the run's pipeline; empty: the configuration's
  std::string branch_id{};                  // with Scope::branch
  std::vector<std::string> environments{};  // with Scope::branch; empty: the first of the file
};

// The plan of a run of this scope. invalid_config where an environment is not in the file.
Result<plan::Plan> scoped_plan(config::Config config, std::string_view repository_name,
                               const ScopedPipeline& wanted);

// A branch's pipeline may deploy only stacks whose names hold its id: an application that does not
// make its names of it would deploy over the stacks of another branch.
Status check_branch_stacks(const StepContext& context, const std::vector<AssemblyStack>& stacks);

}  // namespace aphex::engine
