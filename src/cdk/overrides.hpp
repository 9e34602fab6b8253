#pragma once
// CfnResource::add_override on a rendered resource.

#include <string>
#include <string_view>

#include "aphex/value.hpp"

namespace aphex::cdk {

// Objects are merged, null takes away, anything else replaces. What is wrong with the path is the
// result; empty where nothing is.
std::string apply_override(Value& resource, std::string_view path, const Value& value);

}  // namespace aphex::cdk
