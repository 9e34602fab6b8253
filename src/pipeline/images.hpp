#pragma once
// Which images the pods of a pipeline run.

#include <string>
#include <vector>

#include "argo/objects.hpp"

namespace aphex::pipeline {

// Sorted, each once: every container's `image` in the objects.
std::vector<std::string> images_of(const std::vector<argo::Object>& objects);

}  // namespace aphex::pipeline
