#pragma once
// Where a command writes: results to standard output, progress and diagnostics to standard error.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.hpp"
#include "base/result.hpp"

namespace aphex::cli {

class Terminal {
 public:
  // Colour only on a terminal, and never with NO_COLOR (https://no-color.org) or TERM=dumb.
  static Terminal standard();

  void print(std::string_view text) const;     // to standard output
  void progress(std::string_view text) const;  // to standard error
  void error(const Error& error) const;        // "error: …" with its hint

  Colour out_colour() const { return out_colour_; }
  Colour err_colour() const { return err_colour_; }
  // Whether a line on standard error can be drawn again: on a terminal, but for TERM=dumb.
  bool err_redraws() const { return err_redraws_; }

 private:
  Colour out_colour_ = Colour::never;
  Colour err_colour_ = Colour::never;
  bool err_redraws_ = false;
};

// Columns side by side, as wide as their widest cell; the first row is the heading.
std::string render_table(const std::vector<std::vector<std::string>>& rows);

// Without control characters, which could move the cursor or worse: for text that others wrote.
std::string printable(std::string_view text);

enum class Style { plain, bold, dim, red, green, yellow, blue };
std::string styled(std::string_view text, Style style, Colour colour);

}  // namespace aphex::cli
