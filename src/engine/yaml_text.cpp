#include "engine/yaml_text.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::engine {
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

std::string quoted(std::string_view text) {
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  // YAML's double quotes take JSON's escapes.
  if (!printable) return doc::to_json(doc::Value(text));
  if (text.find_first_of("\"\\") == std::string_view::npos) return '"' + std::string(text) + '"';
  if (text.find('\'') == std::string_view::npos) return '\'' + std::string(text) + '\'';
  return doc::to_json(doc::Value(text));
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
  const List* list = std::get_if<List>(&data_);
  return list != nullptr && (list->empty() || style_ == Style::one_line);
}

std::string YamlText::inline_text() const {
  if (const auto* text = std::get_if<std::string>(&data_)) {
    return style_ == Style::quoted ? quoted(*text) : yaml_quote(*text);
  }
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
  write_block(out, 0);
  return out;
}

}  // namespace aphex::engine
