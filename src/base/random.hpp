#pragma once
// Bytes that nobody can guess, of OpenSSL's generator: for tokens and sessions.

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace aphex {

// An error where the system has no randomness to give: never weaker bytes instead.
Result<std::string> random_bytes(std::size_t count);

}  // namespace aphex
