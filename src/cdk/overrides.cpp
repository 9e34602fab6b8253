#include "cdk/overrides.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace aphex::cdk {
namespace {

// "Properties.Rules.0.Id", with "\." for a dot within a key.
std::vector<std::string> keys_of(std::string_view path) {
  std::vector<std::string> keys(1);
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] == '\\' && at + 1 < path.size()) {
      keys.back() += path[++at];
    } else if (path[at] == '.') {
      keys.emplace_back();
    } else {
      keys.back() += path[at];
    }
  }
  return keys;
}

std::optional<std::size_t> index_of(std::string_view key) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (error != std::errc{} || end != key.data() + key.size()) return std::nullopt;
  return index;
}

void merge(Value& into, const Value& value) {
  const Value::Object* members = value.as_object();
  if (members == nullptr || !into.is_object()) {
    into = value;
    return;
  }
  for (const auto& [key, member] : *members) {
    if (Value* existing = into.find(key)) {
      merge(*existing, member);
    } else {
      into.set(key, member);
    }
  }
}

// The item or member to go on with, made where it is missing; null where the key does not fit.
Value* step_into(Value& at, const std::string& key) {
  if (Value::Array* items = at.as_array()) {
    const std::optional<std::size_t> index = index_of(key);
    if (!index || *index > items->size()) return nullptr;
    if (*index == items->size()) items->emplace_back();
    return &(*items)[*index];
  }
  if (!at.is_object()) at = Value::object();
  if (Value* existing = at.find(key)) return existing;
  return &at.set(key, nullptr);
}

}  // namespace

std::string apply_override(Value& resource, std::string_view path, const Value& value) {
  Value* at = &resource;
  for (const std::string& key : keys_of(path)) {
    Value* next = step_into(*at, key);
    if (next == nullptr) {
      return fmt::format("the override '{}' does not fit: '{}' is no place in a list of {}", path,
                         key, at->as_array()->size());
    }
    at = next;
  }
  merge(*at, value);
  return {};
}

}  // namespace aphex::cdk
