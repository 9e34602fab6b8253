#include "k8s/apply_body.hpp"

#include <cstdint>

#include <fmt/format.h>

namespace aphex::k8s {
namespace {

// A character outside ASCII that starts at `at`: the text is UTF-8, as doc::to_json() writes it.
struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size()
               ? static_cast<std::uint32_t>(static_cast<std::uint8_t>(text[at + i]))
               : 0U;
  };
  const auto tail = [&](std::size_t i) { return byte(i) & 0x3fU; };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80U) return {lead, 1};
  if (lead < 0xe0U) return {((lead & 0x1fU) << 6U) | tail(1), 2};
  if (lead < 0xf0U) return {((lead & 0x0fU) << 12U) | (tail(1) << 6U) | tail(2), 3};
  return {((lead & 0x07U) << 18U) | (tail(1) << 12U) | (tail(2) << 6U) | tail(3), 4};
}

bool needs_escape(std::uint32_t code) {
  const bool control = code >= 0x7fU && code <= 0x9fU;
  const bool separator = code == 0x2028U || code == 0x2029U;
  const bool not_a_character = code == 0xfeffU || code == 0xfffeU || code == 0xffffU;
  return control || separator || not_a_character;
}

}  // namespace

std::string apply_body(const doc::Value& object) {
  const std::string json = doc::to_json(object);
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size();) {
    const Character character = character_at(json, at);
    if (needs_escape(character.code)) {
      out += fmt::format("\\u{:04x}", character.code);
    } else {
      out.append(json, at, character.bytes);
    }
    at += character.bytes;
  }
  return out;
}

}  // namespace aphex::k8s
