#pragma once
// Problems in a text that somebody wrote: where, what, and how to mend it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aphex {

// A place in a source text. Lines and columns count from 1; columns count characters, not bytes.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// Half open: `end` is the first character behind.
struct Span {
  Position begin;
  Position end;
  friend bool operator==(const Span&, const Span&) = default;
};

enum class Severity { error, warning };

struct Diagnostic {
  std::string_view id;  // stable, a static string such as "config/missing-field"
  Severity severity = Severity::error;
  Span span;
  std::string message;  // one sentence without a full stop
  std::string hint;     // what mends it; may be empty
};

// A text with its name, cut into lines for quoting. Owns its bytes.
class Source {
 public:
  Source(std::string name, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  // The bytes of a line without its end; empty past the last. Lines count from 1.
  std::string_view line(std::uint32_t number) const;
  std::size_t line_count() const { return starts_.size(); }

 private:
  std::string name_;
  std::string text_;
  std::vector<std::size_t> starts_;  // byte offset of each line
};

enum class Colour { never, always };

// Errors and warnings sorted by place; equal places keep their order.
void sort_by_place(std::vector<Diagnostic>& diagnostics);
bool has_errors(const std::vector<Diagnostic>& diagnostics);

// file:line:column: error: message
//    4 |     account: 123
//      |              ^~~
//      = hint: …
std::string render_text(const Source& source, const std::vector<Diagnostic>& diagnostics,
                        Colour colour);

}  // namespace aphex
