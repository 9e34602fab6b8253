#pragma once
// What a program printed for a terminal, as HTML: colours become classes, everything else that a
// terminal would obey is dropped, and all text is escaped.
//
// ECMA-48 SGR with xterm's 256 colours and ISO 8613-6's direct colours. Classes: `b` bold, `d`
// faint, `i` italic, `u` underlined, `s` struck out, f0 … f255 and g0 … g255 for the colours of
// letters and ground (log_palette.cpp), `fi` and `gi` where an inversion exchanges the default
// ones.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aphex::server {

struct TextStyle {
  std::int16_t letters = -1;  // of the palette of 256; -1: the default
  std::int16_t ground = -1;
  bool bold = false;
  bool faint = false;
  bool italic = false;
  bool underlined = false;
  bool struck = false;
  bool inverse = false;
  friend bool operator==(const TextStyle&, const TextStyle&) = default;
};

// Lines in turn: a colour that one leaves on is on in the next.
class AnsiText {
 public:
  // The line's HTML; `line` is without its end.
  std::string html(std::string_view line);
  // What a person reads of it: without escapes, and what a carriage return leaves.
  std::string plain(std::string_view line);
  // The same for a line that nobody sees: only its colours count.
  void skip(std::string_view line);
  const TextStyle& style() const { return style_; }

 private:
  struct Cell {
    TextStyle style;
    std::array<char, 4> bytes{};
    std::uint8_t size = 0;
  };
  void read(std::string_view line);  // into cells_
  void put(std::string_view character);
  // Where what follows the escape at `at` begins.
  std::size_t escape(std::string_view line, std::size_t at);
  std::size_t control_sequence(std::string_view line, std::size_t at);
  void select(std::string_view parameters);
  void erase_in_line(std::string_view parameters);
  std::string html_of_cells() const;

  TextStyle style_;
  std::vector<Cell> cells_;  // of the line that is being read
  std::size_t column_ = 0;
};

void append_escaped(std::string& html, std::string_view text);
std::string escaped(std::string_view text);

// The nearest of the palette's 256.
std::int16_t nearest_colour(int red, int green, int blue);
struct Rgb {
  int red = 0, green = 0, blue = 0;
};
Rgb palette_colour(int index);

}  // namespace aphex::server
