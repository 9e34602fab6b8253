#pragma once
// The program's version; the build sets it.

namespace aphex::cli {
inline constexpr const char* kVersion = APHEX_VERSION;
}  // namespace aphex::cli
