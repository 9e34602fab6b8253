#pragma once
// What the pods of a run may do in AWS, statement by statement, each with the steps that need it.
// The one place where rights of the workflow role are written down; `aphex synth --explain-iam`
// prints the same list.

#include <string>
#include <vector>

#include "aphex/iam.hpp"
#include "pipeline/settings.hpp"
#include "plan/plan.hpp"

namespace aphex::pipeline {

// `images` are those that the pods run.
std::vector<iam::PolicyStatement> execution_statements(const Settings& settings,
                                                       const plan::Plan& plan,
                                                       const std::vector<std::string>& images);

// The accounts and regions that a run deploys to, each once: the pipeline's own first, then in the
// order of the environments.
struct Target {
  std::string account;
  std::string region;
  friend bool operator==(const Target&, const Target&) = default;
};
std::vector<Target> targets_of(const Settings& settings, const plan::Plan& plan);

// The name of a stack in CloudFormation, where the CDK has made it from a path such as
// "Prod/ApiStack".
std::string physical_stack_name(std::string_view name);

}  // namespace aphex::pipeline
