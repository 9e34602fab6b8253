#pragma once
// Who may do what: ServiceAccounts, their Roles, and the Secrets that the pipeline reads.

#include <vector>

#include "argo/context.hpp"
#include "argo/objects.hpp"

namespace aphex::argo {

std::vector<Object> accounts(const Context& context);
std::vector<Object> secrets(const Context& context);
// Roles and their bindings.
std::vector<Object> roles(const Context& context);

}  // namespace aphex::argo
