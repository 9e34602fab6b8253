#include "doc/yaml_text.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::doc {
namespace {

// Words that YAML 1.1 or 1.2 reads as something else than a string.
constexpr std::array<std::string_view, 12> kReserved{"true", "false", "yes",  "no", "on",   "off",
                                                     "y",    "n",     "null", "~",  ".nan", ".inf"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

// Begins with a letter, so it is no number, date or indicator; holds nothing that ends a scalar.
bool is_plain(std::string_view text) {
  if (text.empty() || !is_letter(text.front()) || text.back() == ' ') return false;
  const std::string lower = to_lower(text);
  if (std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_word(c) || c == '-' || c == '.' || c == '/' || c == '@' || c == ' ') continue;
    if (c == ':' && i + 1 < text.size() && text[i + 1] != ' ') continue;
    return false;
  }
  return true;
}

// In UTF-8: the controls U+0080 to U+009F, U+2028 and U+2029 (line breaks to YAML 1.1), the byte
// order mark U+FEFF and the non-characters U+FFFE and U+FFFF. YAML takes each as an escape only.
std::size_t unprintable_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.size() >= 2 && byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return 2;
  if (text.size() < 3) return 0;
  const bool separator = byte(0) == 0xe2 && byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9);
  const bool mark = byte(0) == 0xef && byte(1) == 0xbb && byte(2) == 0xbf;
  const bool none = byte(0) == 0xef && byte(1) == 0xbf && (byte(2) == 0xbe || byte(2) == 0xbf);
  return separator || mark || none ? 3 : 0;
}

// The code point of a sequence of two or three bytes.
unsigned code_point(std::string_view bytes) {
  const auto low = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]) & 0x3fU; };
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (bytes.size() == 2) return (first & 0x1fU) << 6U | low(1);
  return (first & 0x0fU) << 12U | low(1) << 6U | low(2);
}

// YAML's double quotes take JSON's escapes.
std::string escaped(std::string_view text) {
  const std::string json = doc::to_json(doc::Value(text));
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    const std::size_t size = unprintable_at(std::string_view(json).substr(i));
    if (size > 0) {
      out += fmt::format("\\u{:04x}", code_point(std::string_view(json).substr(i, size)));
      i += size;
    } else if (json[i] == 0x7f) {
      out += "\\x7f";
      ++i;
    } else {
      out += json[i++];
    }
  }
  return out;
}

bool is_printable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) < 0x20 || text[i] == 0x7f) return false;
    if (unprintable_at(text.substr(i)) > 0) return false;
  }
  return !find_invalid_utf8(text);
}

std::string quoted(std::string_view text) {
  if (!is_printable(text)) return escaped(text);
  if (text.find_first_of("\"\\") == std::string_view::npos) return '"' + std::string(text) + '"';
  if (text.find('\'') == std::string_view::npos) return '\'' + std::string(text) + '\'';
  return escaped(text);
}

void pad(std::string& out, std::size_t indent) {
  out.append(indent, ' ');
}

}  // namespace

std::string yaml_quote(std::string_view text) {
  return is_plain(text) ? std::string(text) : quoted(text);
}

YamlText YamlText::scalar(std::string text, Style style) {
  YamlText node;
  node.data_ = std::move(text);
  node.style_ = style;
  return node;
}

YamlText YamlText::list(std::vector<YamlText> items, Style style) {
  YamlText node;
  node.data_ = std::move(items);
  node.style_ = style;
  return node;
}

YamlText YamlText::map(std::vector<Member> members) {
  YamlText node;
  node.data_ = std::move(members);
  return node;
}

YamlText YamlText::strings(const std::vector<std::string>& items, Style style) {
  List list_items;
  for (const std::string& item : items)
    list_items.push_back(scalar(item));
  return list(std::move(list_items), style);
}

YamlText YamlText::from(const Value& value) {
  if (const std::string* text = value.as_string()) return scalar(*text);
  if (const Value::Array* items = value.as_array()) {
    List made;
    made.reserve(items->size());
    for (const Value& item : *items)
      made.push_back(from(item));
    return list(std::move(made));
  }
  if (const Value::Object* members = value.as_object()) {
    Map made;
    made.reserve(members->size());
    for (const auto& [key, member] : *members)
      made.emplace_back(key, from(member));
    return map(std::move(made));
  }
  // Numbers, booleans and null are written as in JSON.
  return scalar(doc::to_json(value), Style::verbatim);
}

YamlText YamlText::above(std::vector<std::string> lines) && {
  above_ = std::move(lines);
  return std::move(*this);
}

YamlText YamlText::beside(std::string comment) && {
  beside_ = std::move(comment);
  return std::move(*this);
}

bool YamlText::is_inline() const {
  if (std::holds_alternative<std::string>(data_)) return true;
  if (const Map* map = std::get_if<Map>(&data_)) return map->empty();
  const List* list = std::get_if<List>(&data_);
  return list != nullptr && (list->empty() || style_ == Style::one_line);
}

std::string YamlText::inline_text() const {
  if (const auto* text = std::get_if<std::string>(&data_)) {
    if (style_ == Style::verbatim) return *text;
    return style_ == Style::quoted ? quoted(*text) : yaml_quote(*text);
  }
  if (std::holds_alternative<Map>(data_)) return "{}";
  std::vector<std::string> items;
  if (const auto* list = std::get_if<List>(&data_)) {
    for (const YamlText& item : *list)
      items.push_back(item.inline_text());
  }
  return "[" + join(items, ", ") + "]";
}

void YamlText::write_comments(std::string& out, std::size_t indent) const {
  for (const std::string& line : above_) {
    pad(out, indent);
    out += line.empty() ? "#\n" : "# " + line + "\n";
  }
}

void YamlText::write_value(std::string& out, std::size_t indent) const {
  if (is_inline()) {
    out += " " + inline_text();
    if (!beside_.empty()) out += "  # " + beside_;
    out += "\n";
    return;
  }
  out += "\n";
  write_block(out, indent);
}

void YamlText::write_block(std::string& out, std::size_t indent) const {
  if (const auto* list = std::get_if<List>(&data_)) {
    for (const YamlText& item : *list) {
      item.write_comments(out, indent);
      pad(out, indent);
      out += "-";
      if (item.is_inline()) {
        item.write_value(out, indent);
        continue;
      }
      // The first member stands on the dash's line.
      std::string block;
      item.write_block(block, indent + 2);
      out += " " + block.substr(indent + 2);
    }
  } else if (const auto* map = std::get_if<Map>(&data_)) {
    for (const auto& [key, value] : *map) {
      value.write_comments(out, indent);
      pad(out, indent);
      out += yaml_quote(key) + ":";
      value.write_value(out, indent + 2);
    }
  }
}

std::string YamlText::to_string() const {
  std::string out;
  write_comments(out, 0);
  if (!above_.empty()) out += "\n";
  if (is_inline()) return out + inline_text() + "\n";
  write_block(out, 0);
  return out;
}

std::string to_yaml(const Value& value) {
  return YamlText::from(value).to_string();
}

}  // namespace aphex::doc
