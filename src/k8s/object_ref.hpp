#pragma once
// Which object of a cluster is meant.

#include <string>

namespace aphex::k8s {

struct ObjectRef {
  std::string api_version;  // "v1", "argoproj.io/v1alpha1"
  std::string kind;         // "WorkflowTemplate"
  std::string name_space;   // empty: of the cluster as a whole
  std::string name;

  friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
};

// "WorkflowTemplate argo/build"
std::string describe(const ObjectRef& ref);

}  // namespace aphex::k8s
