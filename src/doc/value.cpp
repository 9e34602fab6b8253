#include "doc/value.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "base/text.hpp"

namespace aphex {

Value Value::strings(const std::vector<std::string>& items) {
  Array array;
  array.reserve(items.size());
  for (const std::string& item : items)
    array.emplace_back(item);
  return array;
}

const Value* Value::find(std::string_view key) const {
  const Object* members = as_object();
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Value* Value::find(std::string_view key) {
  Object* members = as_object();
  if (members == nullptr) return nullptr;
  for (Member& member : *members) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

const Value* Value::find(std::initializer_list<std::string_view> path) const {
  const Value* value = this;
  for (const std::string_view key : path) {
    value = value->find(key);
    if (value == nullptr) return nullptr;
  }
  return value;
}

std::string Value::string_or(std::string_view key, std::string_view fallback) const {
  const Value* value = find(key);
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr ? std::string(fallback) : *text;
}

Value& Value::set(std::string key, Value value) {
  Object* members = as_object();
  if (members == nullptr) members = &data_.emplace<Object>();
  for (Member& member : *members) {
    if (member.first != key) continue;
    member.second = std::move(value);
    return member.second;
  }
  members->emplace_back(std::move(key), std::move(value));
  return members->back().second;
}

Value& Value::push_back(Value value) {
  Array* items = as_array();
  if (items == nullptr) items = &data_.emplace<Array>();
  items->push_back(std::move(value));
  return items->back();
}

}  // namespace aphex

namespace aphex::doc {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// What a character becomes inside a JSON string; nothing where it stands for itself.
std::string_view escape_of(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return {};
  }
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out += text.substr(plain, i - plain);
    plain = i + 1;
    if (const std::string_view escape = escape_of(text[i]); !escape.empty()) {
      out += escape;
      continue;
    }
    out += "\\u00";
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xfU];
  }
  out += text.substr(plain);
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (auto bad = find_invalid_utf8(text); bad; bad = find_invalid_utf8(text)) {
    append_escaped(out, text.substr(0, *bad));
    out += kReplacement;
    text.remove_prefix(*bad + 1);
  }
  append_escaped(out, text);
  out += '"';
}

void append_integer(std::string& out, std::int64_t number) {
  std::array<char, 24> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  out.append(buffer.data(), end);
}

// The shortest text that reads back as the same double, and as a double: 1.0 stays "1.0".
void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";  // JSON has no word for it
    return;
  }
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

class Writer {
 public:
  Writer(std::string& out, int indent) : out_(out), indent_(indent) {}

  void write(const Value& value) {
    if (const bool* boolean = value.as_bool()) {
      out_ += *boolean ? "true" : "false";
    } else if (const std::int64_t* integer = value.as_int()) {
      append_integer(out_, *integer);
    } else if (const double* real = value.as_double()) {
      append_double(out_, *real);
    } else if (const std::string* text = value.as_string()) {
      append_string(out_, *text);
    } else if (const Value::Array* items = value.as_array()) {
      write_array(*items);
    } else if (const Value::Object* members = value.as_object()) {
      write_object(*members);
    } else {
      out_ += "null";
    }
  }

 private:
  void write_array(const Value::Array& items) {
    if (items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    ++level_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      separate(i);
      write(items[i]);
    }
    close(']');
  }

  void write_object(const Value::Object& members) {
    if (members.empty()) {
      out_ += "{}";
      return;
    }
    out_ += '{';
    ++level_;
    for (std::size_t i = 0; i < members.size(); ++i) {
      separate(i);
      append_string(out_, members[i].first);
      out_ += indent_ > 0 ? ": " : ":";
      write(members[i].second);
    }
    close('}');
  }

  void separate(std::size_t index) {
    if (index > 0) out_ += ',';
    break_line();
  }
  void close(char bracket) {
    --level_;
    break_line();
    out_ += bracket;
  }
  void break_line() {
    if (indent_ <= 0) return;
    out_ += '\n';
    out_.append(level_ * static_cast<std::size_t>(indent_), ' ');
  }

  std::string& out_;
  int indent_;
  std::size_t level_ = 0;
};

}  // namespace

std::string to_json(const Value& value, int indent) {
  std::string out;
  Writer(out, indent).write(value);
  return out;
}

}  // namespace aphex::doc
