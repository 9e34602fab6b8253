#pragma once
// The rules that no schema can say: names, references, regions, files.

#include <vector>

#include "config/config.hpp"
#include "doc/document.hpp"

namespace aphex::config {

// Looks at what has the right shape and leaves the rest: it is reported already.
void check_semantics(const doc::Node& root, const RepositoryView& repository,
                     std::vector<Diagnostic>& diagnostics);

}  // namespace aphex::config
