#pragma once
// Small helpers on strings that more than one folder needs.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aphex {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string to_upper(std::string_view ascii);
std::string to_lower(std::string_view ascii);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

// Characters (code points); invalid bytes count one each.
std::size_t utf8_length(std::string_view text);
// `count` characters from character `from`.
std::string utf8_substr(std::string_view text, std::size_t from, std::size_t count);
// The byte offset of the first invalid sequence, or nothing where all is well-formed UTF-8.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);
// With '?' for each byte of an invalid sequence: for what another program or host has said.
std::string valid_utf8(std::string text);

// The candidate nearest to `word` by edit distance (a swap counts one), if near enough that a
// person probably meant it: at most a third of its length away.
std::optional<std::string> closest_match(std::string_view word,
                                         std::span<const std::string> candidates);

// 'text' as one word of a POSIX shell.
std::string shell_quote(std::string_view text);

// "1.2 KB", "34 MB": decimal units, as disks and networks count.
std::string human_bytes(std::uint64_t bytes);
// "0.4s", "12.3s", "2m 05s", "1h 02m".
std::string human_duration(std::int64_t milliseconds);

}  // namespace aphex
