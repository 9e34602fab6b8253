#pragma once
// Checks a document against the table of the schema: types, required and unknown keys, texts.

#include <vector>

#include "config/config.hpp"
#include "config/schema.hpp"
#include "doc/document.hpp"

namespace aphex::config {

void check_structure(const doc::Node& root, UnknownKeys unknown_keys,
                     std::vector<Diagnostic>& diagnostics);

}  // namespace aphex::config
