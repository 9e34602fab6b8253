#include "server/log_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace aphex::server {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<LogPart> range_of(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = header.substr(0, dash);
  const std::string_view last = header.substr(dash + 1);
  LogPart part{LogPart::Kind::range, 0, size};
  if (first.empty()) {
    const auto count = number(last);
    if (!count) return std::nullopt;
    part.begin = size - std::min(*count, size);
  } else {
    const auto begin = number(first);
    const auto end = last.empty() ? std::optional<std::uint64_t>(size) : number(last);
    if (!begin || !end) return std::nullopt;
    if (!last.empty() && *end < *begin) return std::nullopt;
    part.begin = *begin;
    if (!last.empty()) part.end = *end < size ? *end + 1 : size;
  }
  if (part.begin >= size) part.kind = LogPart::Kind::beyond;
  return part;
}

}  // namespace

Result<LogPart> part_of_log(const LogWish& wish, std::uint64_t size, std::uint64_t most) {
  LogPart part{LogPart::Kind::plain, 0, size};
  if (!wish.offset.empty()) {
    const auto offset = number(wish.offset);
    if (!offset)
      return fail(ErrorCode::usage, fmt::format("offset is a number, not '{}'", wish.offset));
    part.begin = std::min(*offset, size);
  } else if (const auto range = range_of(wish.range, size)) {
    part = *range;
  }
  if (part.kind != LogPart::Kind::beyond) part.end = std::min(part.end, part.begin + most);
  return part;
}

}  // namespace aphex::server
