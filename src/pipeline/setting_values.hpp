#pragma once
// A value for a setting, checked against the shape that the configuration's schema gives it.

#include "aphex/result.hpp"
#include "aphex/value.hpp"
#include "config/schema.hpp"

namespace aphex::pipeline {

// `given` in the shape's type. A text is read: "30" for an integer, "true" for a boolean, "a,b" for
// a list, "a=b,c=d" for a mapping, JSON for anything but a text. The error's message goes on where
// the setting's name ends: "must be an integer from 1 to 3650, not 'x'".
Result<Value> read_setting(const config::Shape& shape, const Value& given);

}  // namespace aphex::pipeline
