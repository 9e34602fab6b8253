#include "doc/yaml_scalars.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace aphex::doc {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_octal(char c) {
  return c >= '0' && c <= '7';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_sign(char c) {
  return c == '-' || c == '+';
}

template <typename Predicate>
bool all_of(std::string_view text, Predicate predicate) {
  return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && is_sign(text.front())) text.remove_prefix(1);
  return text;
}

bool is_integer(std::string_view text) {
  if (text.starts_with("0o")) return all_of(text.substr(2), is_octal);
  if (text.starts_with("0x")) return all_of(text.substr(2), is_hex);
  return all_of(without_sign(text), is_digit);
}

bool is_infinity(std::string_view text) {
  text = without_sign(text);
  return text == ".inf" || text == ".Inf" || text == ".INF";
}

bool is_nan(std::string_view text) {
  return text == ".nan" || text == ".NaN" || text == ".NAN";
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_decimal(std::string_view text) {
  text = without_sign(text);
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && is_digit(text[i]))
      ++i;
    return i - from;
  };
  const std::size_t whole = digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && is_sign(text[i])) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

Value integer_value(std::string_view text) {
  int base = 10;
  std::string_view digits = text;
  if (text.starts_with("0o")) base = 8;
  if (text.starts_with("0x")) base = 16;
  if (base != 10) digits.remove_prefix(2);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error == std::errc() && end == digits.data() + digits.size()) return value;
  return std::strtod(std::string(text).c_str(), nullptr);
}

double real_value(const std::string& text) {
  if (is_nan(text)) return std::numeric_limits<double>::quiet_NaN();
  if (is_infinity(text)) {
    const double infinity = std::numeric_limits<double>::infinity();
    return text.front() == '-' ? -infinity : infinity;
  }
  const char* begin = text.c_str() + (text.front() == '+' ? 1 : 0);
  double value = 0;
  const auto result = std::from_chars(begin, text.c_str() + text.size(), value);
  // Too large or too small for a double: strtod says infinity or zero, as YAML readers do.
  if (result.ec == std::errc::result_out_of_range) return std::strtod(begin, nullptr);
  return value;
}

}  // namespace

NodeKind resolve_plain(std::string_view text) {
  if (text.empty() || text == "~") return NodeKind::null;
  switch (text.front()) {
    case 'n':
    case 'N':
      if (text == "null" || text == "Null" || text == "NULL") return NodeKind::null;
      return NodeKind::string;
    case 't':
    case 'T':
      if (text == "true" || text == "True" || text == "TRUE") return NodeKind::boolean;
      return NodeKind::string;
    case 'f':
    case 'F':
      if (text == "false" || text == "False" || text == "FALSE") return NodeKind::boolean;
      return NodeKind::string;
    default:
      break;
  }
  const char first = text.front();
  if (!is_digit(first) && first != '.' && !is_sign(first)) return NodeKind::string;
  if (is_integer(text)) return NodeKind::integer;
  if (is_decimal(text) || is_infinity(text) || is_nan(text)) return NodeKind::real;
  return NodeKind::string;
}

Value scalar_value(NodeKind kind, const std::string& text) {
  switch (kind) {
    case NodeKind::boolean:
      return text.front() == 't' || text.front() == 'T';
    case NodeKind::integer:
      return integer_value(text);
    case NodeKind::real:
      return real_value(text);
    case NodeKind::null:
      return {};
    case NodeKind::string:
    case NodeKind::sequence:
    case NodeKind::mapping:
      break;
  }
  return text;
}

}  // namespace aphex::doc
