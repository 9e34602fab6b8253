#pragma once
// The WorkflowTemplates: the pipeline's, and the one of pull requests.

#include <string>
#include <vector>

#include "argo/context.hpp"
#include "argo/stage_part.hpp"
#include "doc/value.hpp"

namespace aphex::argo {

doc::Value workflow_template(const Context& context);
// Settings::pull_requests says which stages; `ignore` is none.
doc::Value pull_request_template(const Context& context);

// The names of the stages' templates, in the plan's order. A pod bears its template's name, so they
// are lower case; where two environments differ in case alone, the later gets a number.
std::vector<std::string> template_names(const plan::Plan& plan);

// The five parameters of a workflow, in the order that the Sensor fills them by position.
enum class Parameter { commit_sha, repository_url, branch, author, message };
struct ParameterName {
  Parameter parameter;
  std::string_view name;
};
inline constexpr ParameterName kParameters[] = {{Parameter::commit_sha, "commitSha"},
                                                {Parameter::repository_url, "repositoryUrl"},
                                                {Parameter::branch, "branch"},
                                                {Parameter::author, "author"},
                                                {Parameter::message, "message"}};

// Where the repository is cloned from, unless a parameter says otherwise.
std::string repository_url(const GitHub& github);

inline constexpr std::string_view kStageComponent = "stage";
inline constexpr std::string_view kPullRequestComponent = "pull-request";

}  // namespace aphex::argo
