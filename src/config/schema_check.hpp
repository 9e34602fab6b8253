#pragma once
// Checks a document against the table of the schema: types, required and unknown keys, texts.

#include <vector>

#include "config/config.hpp"
#include "config/schema.hpp"
#include "doc/document.hpp"

namespace aphex::config {

void check_structure(const doc::Node& root, UnknownKeys unknown_keys,
                     std::vector<Diagnostic>& diagnostics);
// A document of another shape, such as a server's configuration.
void check_structure(const doc::Node& root, const Shape& shape, UnknownKeys unknown_keys,
                     std::vector<Diagnostic>& diagnostics);

}  // namespace aphex::config
