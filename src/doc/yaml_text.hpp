#pragma once
// A YAML document as a tree to be written, with comments. Block style; lists of short words may
// be written in one line. What is written reads back the same by YAML 1.1 and 1.2.

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "doc/value.hpp"

namespace aphex::doc {

class YamlText {
 public:
  using Member = std::pair<std::string, YamlText>;
  enum class Style { plain_if_safe, quoted, one_line, verbatim };

  // A scalar; always quoted where asked for: an account must not be read as a number.
  static YamlText scalar(std::string text, Style style = Style::plain_if_safe);
  static YamlText list(std::vector<YamlText> items, Style style = Style::plain_if_safe);
  static YamlText map(std::vector<Member> members);
  static YamlText strings(const std::vector<std::string>& items,
                          Style style = Style::plain_if_safe);
  static YamlText from(const Value& value);

  // Lines above it, each written behind "# ".
  YamlText above(std::vector<std::string> lines) &&;
  // Behind a scalar, on its line.
  YamlText beside(std::string comment) &&;

  std::string to_string() const;

 private:
  using List = std::vector<YamlText>;
  using Map = std::vector<Member>;
  void write_block(std::string& out, std::size_t indent) const;
  void write_value(std::string& out, std::size_t indent) const;
  void write_comments(std::string& out, std::size_t indent) const;
  bool is_inline() const;
  std::string inline_text() const;

  std::variant<std::string, List, Map> data_;
  Style style_ = Style::plain_if_safe;
  std::vector<std::string> above_;
  std::string beside_;
};

// The text as a YAML scalar that every reader of 1.1 and 1.2 takes for this very string.
std::string yaml_quote(std::string_view text);

// The value as one document, without "---".
std::string to_yaml(const Value& value);

}  // namespace aphex::doc
