#pragma once
// Times in JSON.

#include <optional>

#include "doc/value.hpp"
#include "store/run_text.hpp"

namespace aphex::server {

using store::time_text;

// RFC 3339, or null.
inline doc::Value time_value(const std::optional<store::Millis>& time) {
  return time ? doc::Value(time_text(*time)) : doc::Value();
}

}  // namespace aphex::server
