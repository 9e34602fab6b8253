#pragma once
// MD5 and SHA-1 for names that other programs make the same way. Not for anything that needs a
// secure hash.

#include <string>
#include <string_view>

namespace aphex {

// Lower-case hexadecimal, 32 and 40 digits.
std::string md5_hex(std::string_view data);
std::string sha1_hex(std::string_view data);

}  // namespace aphex
