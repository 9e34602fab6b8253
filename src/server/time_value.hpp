#pragma once
// Times in JSON.

#include <optional>

#include "doc/value.hpp"
#include "engine/run_json.hpp"

namespace aphex::server {

using engine::time_text;

// RFC 3339, or null.
inline doc::Value time_value(const std::optional<store::Millis>& time) {
  return time ? doc::Value(time_text(*time)) : doc::Value();
}

}  // namespace aphex::server
