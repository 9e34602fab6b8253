#include "server/dashboard/query.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::server {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || behind != end) return std::nullopt;
  return value;
}

Query::Query(std::string_view text) {
  for (const std::string& part : split(text, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    std::string value = part.substr(std::min(equals + 1, part.size()));
    std::replace(value.begin(), value.end(), '+', ' ');
    pairs_.emplace_back(percent_decode(part.substr(0, equals)), percent_decode(value));
  }
}

std::string Query::get(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) return value;
  }
  return {};
}

std::optional<std::int64_t> Query::number(std::string_view name) const {
  const std::optional<std::int64_t> value = number_of(get(name));
  return value && *value >= 0 ? value : std::nullopt;
}

Query Query::with(std::string_view name, std::string value) const {
  Query changed = *this;
  std::erase_if(changed.pairs_, [&](const auto& pair) { return pair.first == name; });
  if (!value.empty()) changed.pairs_.emplace_back(name, std::move(value));
  return changed;
}

std::string Query::text() const {
  std::string text;
  for (const auto& [name, value] : pairs_) {
    text += (text.empty() ? '?' : '&') + percent_encode(name) + "=" + percent_encode(value);
  }
  return text;
}

}  // namespace aphex::server
