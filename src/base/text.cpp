#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

#include <fmt/format.h>

namespace aphex {
namespace {

// Length in bytes of the well-formed sequence at `text[i]`, or 0. Table 3-7 of the Unicode
// Standard 15.0: overlong forms, surrogates and values past U+10FFFF are ill-formed.
std::size_t sequence_length(std::string_view text, std::size_t i) {
  const auto at = [&](std::size_t k) -> unsigned {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U;
  };
  const auto tail = [&](std::size_t k, unsigned low = 0x80, unsigned high = 0xbf) {
    return at(k) >= low && at(k) <= high;
  };
  const unsigned lead = at(i);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(i + 1) ? 2 : 0;
  if (lead == 0xe0) return tail(i + 1, 0xa0) && tail(i + 2) ? 3 : 0;
  if (lead == 0xed) return tail(i + 1, 0x80, 0x9f) && tail(i + 2) ? 3 : 0;
  if (lead >= 0xe1 && lead <= 0xef) return tail(i + 1) && tail(i + 2) ? 3 : 0;
  if (lead == 0xf0) return tail(i + 1, 0x90) && tail(i + 2) && tail(i + 3) ? 4 : 0;
  if (lead == 0xf4) return tail(i + 1, 0x80, 0x8f) && tail(i + 2) && tail(i + 3) ? 4 : 0;
  if (lead >= 0xf1 && lead <= 0xf3) return tail(i + 1) && tail(i + 2) && tail(i + 3) ? 4 : 0;
  return 0;
}

// Optimal string alignment distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::string map_ascii(std::string_view text, int (*convert)(int)) {
  std::string out(text);
  for (char& c : out)
    c = static_cast<char>(convert(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string to_upper(std::string_view ascii) {
  return map_ascii(ascii, std::toupper);
}
std::string to_lower(std::string_view ascii) {
  return map_ascii(ascii, std::tolower);
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

std::size_t utf8_length(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    i += std::max<std::size_t>(1, sequence_length(text, i));
  }
  return count;
}

std::string utf8_substr(std::string_view text, std::size_t from, std::size_t count) {
  std::size_t i = 0;
  for (; from > 0 && i < text.size(); --from) {
    i += std::max<std::size_t>(1, sequence_length(text, i));
  }
  const std::size_t begin = i;
  for (; count > 0 && i < text.size(); --count) {
    i += std::max<std::size_t>(1, sequence_length(text, i));
  }
  return std::string(text.substr(begin, i - begin));
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

std::string valid_utf8(std::string text) {
  while (const std::optional<std::size_t> bad = find_invalid_utf8(text))
    text[*bad] = '?';
  return text;
}

std::optional<std::string> closest_match(std::string_view word,
                                         std::span<const std::string> candidates) {
  // Longer words are never a slip of the hand, and the distance costs their product.
  constexpr std::size_t kMaxWord = 256;
  if (word.empty() || word.size() > kMaxWord) return std::nullopt;
  const std::string lowered = to_lower(word);
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kMaxWord) continue;
    // With braces: values, where two arguments would leave references to temporaries.
    const auto [shorter, longer] = std::minmax({candidate.size(), word.size()});
    if (longer - shorter >= best_distance) continue;  // the distance is at least the difference
    const std::size_t distance = edit_distance(lowered, to_lower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string shell_quote(std::string_view text) {
  constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
  if (!text.empty() && text.find_first_not_of(kSafe) == std::string_view::npos) {
    return std::string(text);
  }
  return "'" + replace_all(std::string(text), "'", "'\\''") + "'";
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  if (unit == 0 || value >= 9.95) return fmt::format("{:.0f} {}", value, kUnits[unit]);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string human_duration(std::int64_t milliseconds) {
  if (milliseconds < 59'950)
    return fmt::format("{:.1f}s", static_cast<double>(milliseconds) / 1000);
  const std::int64_t seconds = (milliseconds + 500) / 1000;
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h {:02}m", seconds / 3600, seconds % 3600 / 60);
}

}  // namespace aphex
