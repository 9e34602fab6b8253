#pragma once
// Plan → the Kubernetes objects of a pipeline on a shared cluster, with Argo Workflows 3.4 to 4.1
// and Argo Events from 1.8 on. Pure: the same plan and settings give the same bytes.
// docs/argo.md says what each object is for.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "argo/settings.hpp"
#include "base/result.hpp"
#include "doc/value.hpp"
#include "plan/plan.hpp"

namespace aphex::argo {

enum class WaitFor { nothing, load_balancer };

struct Object {
  doc::Value manifest;  // apiVersion, kind, metadata, …: whole, but for a Secret's values
  // Of a Secret: which keys get which value. Never the values themselves.
  std::vector<SecretSource> secret_values;
  // Ready only when status.loadBalancer has an address.
  WaitFor wait_for = WaitFor::nothing;

  std::string_view api_version() const;
  std::string_view kind() const;
  std::string_view name() const;
  std::string_view name_space() const;
};

// On every object: the cluster that it is made for.
inline constexpr std::string_view kClusterAnnotation = "aphex.dev/cluster";
// On the WorkflowTemplates and their workflows: plan::digest() of the plan that they execute.
inline constexpr std::string_view kPlanDigestAnnotation = "aphex.dev/plan-digest";
inline constexpr std::string_view kPipelineLabel = "aphex.dev/pipeline";

// Of a WorkflowTemplate. Argo ends a workflow whose record is over 1 MiB: that has the template's
// spec again, and, compressed, each pod's inputs up to three times (the stage, its attempt, a
// second one).
inline constexpr std::size_t kMaxManifestBytes = 700'000;
// Of one stage. Argo hands a pod its template in one environment string, of which a Linux process
// takes 128 KiB; the commit's message and the like are filled in there.
inline constexpr std::size_t kMaxTemplateBytes = 120U * 1024U;

// In the order in which they can be created (and, backwards, deleted). Every problem at once: the
// error's message has one line for each, "what: why: remedy".
Result<std::vector<Object>> generate(const plan::Plan& plan, const Settings& settings);

// The two WorkflowTemplates alone (the second only where pull requests are taken): what a run may
// change of its own pipeline.
Result<std::vector<Object>> generate_templates(const plan::Plan& plan, const Settings& settings);

// For `kubectl apply --server-side -f -`: one document for each object. Every string that YAML 1.1
// or 1.2 could take for something else is quoted.
std::string to_yaml(const std::vector<Object>& objects);

}  // namespace aphex::argo
