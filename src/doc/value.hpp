#pragma once
// Reading and writing JSON. The tree itself is public: aphex/value.hpp.

#include "aphex/value.hpp"

namespace aphex::doc {

using aphex::Member;
using aphex::Value;

struct JsonLimits {
  std::size_t max_bytes = 64U << 20U;
  std::size_t max_depth = 200;
};

// RFC 8259. The error names line and column. Duplicate keys: the last one stands.
Result<Value> parse_json(std::string_view text, const JsonLimits& limits = {});

// indent 0: one line without spaces. Otherwise one member a line, `indent` spaces a level.
// Text that is not UTF-8 is written with U+FFFD in place of the bad bytes.
std::string to_json(const Value& value, int indent = 0);

}  // namespace aphex::doc
