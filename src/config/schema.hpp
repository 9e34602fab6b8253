#pragma once
// The shape of aphex-config.yaml as one table: the checker walks it, and the JSON schema for
// editors is written from it.

#include <cstdint>
#include <span>
#include <string_view>

#include "config/rules.hpp"

namespace aphex::config {

enum class ShapeKind { text, integer, boolean, list, record, dictionary };
enum class Presence { required, optional };

struct Shape;

struct Field {
  std::string_view key;
  Presence presence = Presence::optional;
  const Shape* shape = nullptr;
  std::string_view description;
  std::string_view default_json{};  // as JSON; empty: none
};

struct Shape {
  ShapeKind kind = ShapeKind::text;
  std::string_view what;                    // "a list of strings", as messages say it
  const TextRule* text = nullptr;           // of a text, or of a dictionary's keys
  std::int64_t least = 0, most = 0;         // of an integer
  std::span<const std::int64_t> allowed{};  // of an integer: nothing else
  // Of a list, or a dictionary's values; a list without is checked by who reads it.
  const Shape* item = nullptr;
  std::string_view needs{};  // of a list: what it holds at least one of; empty: may be empty
  std::string_view title{};
  std::span<const Field> fields{};  // of a record
};

const Shape& root_shape();
const Shape& pipeline_shape();  // of the `pipeline:` block

// Top-level keys with this prefix are free, for anchors.
inline constexpr std::string_view kExtensionPrefix = "x-";

}  // namespace aphex::config
