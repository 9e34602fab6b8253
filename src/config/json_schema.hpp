#pragma once
// A shape as JSON Schema, draft 2020-12: for editors, and for the reference pages.

#include "config/schema.hpp"
#include "doc/value.hpp"

namespace aphex::config {

// A list whose items somebody else checks has no `items`.
doc::Value to_schema(const Shape& shape);

}  // namespace aphex::config
