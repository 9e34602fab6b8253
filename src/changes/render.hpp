#pragma once
// A change set as lines for people.

#include <string>
#include <vector>

#include "base/diagnostic.hpp"
#include "changes/change_set.hpp"

namespace aphex::changes {

// Stack by stack: what grants more first, marked by '!', then resources and the rest.
std::string render_text(const ChangeSet& changes, Colour colour);

}  // namespace aphex::changes
