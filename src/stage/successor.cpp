#include "stage/successor.hpp"

#include <utility>

#include <fmt/format.h>

#include "argo/context.hpp"
#include "argo/objects.hpp"
#include "argo/stage_interface.hpp"
#include "argo/templates.hpp"

namespace aphex::stage {
namespace {

constexpr std::string_view kContinuesAnnotation = "aphex.dev/continues";

std::string value_of(argo::Parameter parameter, const engine::RunParameters& run) {
  switch (parameter) {
    case argo::Parameter::commit_sha:
      return run.commit_sha;
    case argo::Parameter::repository_url:
      return run.repository_url;
    case argo::Parameter::branch:
      return run.branch;
    case argo::Parameter::author:
      return run.author;
    case argo::Parameter::message:
      return run.message;
  }
  return {};
}

}  // namespace

bool is_successor(const Pod& pod) {
  return pod.workflow.ends_with(argo::kHandOverSuffix);
}

Result<doc::Value> successor_workflow(const Pod& pod, const argo::Settings& settings) {
  const std::string name = pod.workflow + std::string(argo::kHandOverSuffix);
  if (name.size() > argo::kMaxLabel) {
    return fail(ErrorCode::usage,
                fmt::format("the workflow {} cannot hand over: {} has {} characters, {} are the "
                            "most",
                            pod.workflow, name, name.size(), argo::kMaxLabel),
                "start workflows under shorter names");
  }
  doc::Value parameters = doc::Value::array();
  for (const argo::ParameterName& known : argo::kParameters) {
    parameters.push_back(doc::Value::object(
        {{"name", known.name}, {"value", value_of(known.parameter, pod.parameters)}}));
  }
  const doc::Value metadata = doc::Value::object(
      {{"name", name},
       {"namespace", pod.name_space},
       {"labels", doc::Value::object({{std::string(argo::kPipelineLabel), settings.pipeline}})},
       {"annotations", doc::Value::object({{std::string(kContinuesAnnotation), pod.workflow}})}});
  return doc::Value::object(
      {{"apiVersion", "argoproj.io/v1alpha1"},
       {"kind", "Workflow"},
       {"metadata", metadata},
       {"spec",
        doc::Value::object(
            {{"workflowTemplateRef",
              doc::Value::object({{"name", argo::names_of(settings).workflow_template}})},
             {"arguments", doc::Value::object({{"parameters", std::move(parameters)}})}})}});
}

}  // namespace aphex::stage
