#pragma once
// What the generated objects rely on, and upstream does not check.

#include <string>
#include <vector>

#include "argo/context.hpp"

namespace aphex::argo {

// One line for each: "what: what is wrong; what mends it". Empty: the settings can be relied on.
std::vector<std::string> check_settings(const Context& context);

}  // namespace aphex::argo
