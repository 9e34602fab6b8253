#pragma once
// What may stand in a header of a request. Tokens that somebody else has answered become headers: a
// line break in one would write another header.

#include <algorithm>
#include <string_view>

namespace aphex {

// Without control characters (RFC 9110, 5.5). Of tokens and keys: none of ours has a tab.
inline bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ' ' || byte == 0x7f;
  });
}

}  // namespace aphex
