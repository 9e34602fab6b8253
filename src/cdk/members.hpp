#pragma once
// Small objects whose members are moved: an initializer list would copy them, and a large
// application has hundreds of thousands.

#include <string>
#include <string_view>
#include <utility>

#include "aphex/value.hpp"

namespace aphex::cdk {

inline Value members(std::string_view key, Value value) {
  Value::Object object;
  object.emplace_back(std::string(key), std::move(value));
  return object;
}

inline Value members(std::string_view first, Value value, std::string_view second, Value other) {
  Value::Object object;
  object.reserve(2);
  object.emplace_back(std::string(first), std::move(value));
  object.emplace_back(std::string(second), std::move(other));
  return object;
}

}  // namespace aphex::cdk
