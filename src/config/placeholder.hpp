#pragma once
// What stands where only a person knows the value.

#include <string_view>

namespace aphex::config {

// aphex init writes it where the application names no account; AWS gives it to nobody.
inline constexpr std::string_view kPlaceholderAccount = "000000000000";

}  // namespace aphex::config
