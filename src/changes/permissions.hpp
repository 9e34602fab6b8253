#pragma once
// Who may do what, before and after: policies of identities and of resources, trust policies,
// managed policies, permissions boundaries, security groups.

#include <vector>

#include "changes/change_set.hpp"

namespace aphex::changes {

// What comes and what goes, the broadening first. An allowed action broadens unless it was allowed
// before, by whatever statement of the stack; a denied one that is no longer denied broadens too.
std::vector<PermissionChange> compare_permissions(const doc::Value& before,
                                                  const doc::Value& after);

}  // namespace aphex::changes
