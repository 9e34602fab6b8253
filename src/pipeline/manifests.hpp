#pragma once
// The pipeline's Kubernetes objects for kubectl and GitOps.

#include <string>
#include <vector>

#include "argo/objects.hpp"
#include "pipeline/settings.hpp"

namespace aphex::pipeline {

// argo::to_yaml(), under a comment that says how to apply it and how to fill each Secret.
std::string manifests_yaml(const Settings& settings, const std::vector<argo::Object>& objects);

}  // namespace aphex::pipeline
