#pragma once
// The three ways in which AWS writes a time. All UTC.

#include <optional>
#include <string>
#include <string_view>

#include "os/clock.hpp"

namespace aphex::aws {

// 20150830T123600Z, as signatures carry it.
std::string signing_time(os::WallTime time);

// 2015-08-30T12:36:00Z with an optional fraction and an optional offset (+00:00, -0700).
std::optional<os::WallTime> parse_iso_time(std::string_view text);

// Sun, 30 Aug 2015 12:36:00 GMT, the Date header (RFC 9110, 5.6.7, the preferred form).
std::optional<os::WallTime> parse_http_time(std::string_view text);

}  // namespace aphex::aws
