#pragma once
// What the pipeline's pods may talk to.

#include <vector>

#include "argo/context.hpp"
#include "argo/objects.hpp"

namespace aphex::argo {

std::vector<Object> network_policies(const Context& context);

}  // namespace aphex::argo
