#pragma once
// Which type a plain scalar has: YAML 1.2.2, section 10.3.2 (core schema).

#include <optional>
#include <string_view>

#include "doc/document.hpp"

namespace aphex::doc {

NodeKind resolve_plain(std::string_view text);

// The value of a scalar of kind boolean, integer or real. An integer beyond 64 bits is a double.
Value scalar_value(NodeKind kind, const std::string& text);

}  // namespace aphex::doc
