#include "cli/terminal.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "base/text.hpp"

namespace aphex::cli {
namespace {

bool colours_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

// Whether terminals of this kind know escape sequences at all.
bool knows_escapes() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view(term) != "dumb";
}

void write_all(std::FILE* stream, std::string_view text) {
  // Nothing sensible can be done about a closed standard stream.
  (void)std::fwrite(text.data(), 1, text.size(), stream);
  (void)std::fflush(stream);
}

std::string_view code_of(Style style) {
  switch (style) {
    case Style::plain:
      return "";
    case Style::bold:
      return "\033[1m";
    case Style::dim:
      return "\033[2m";
    case Style::red:
      return "\033[31m";
    case Style::green:
      return "\033[32m";
    case Style::yellow:
      return "\033[33m";
    case Style::blue:
      return "\033[34m";
  }
  return "";
}

}  // namespace

Terminal Terminal::standard() {
  Terminal terminal;
  if (!knows_escapes()) return terminal;
  const bool wanted = colours_wanted();
  terminal.err_redraws_ = ::isatty(STDERR_FILENO) == 1;
  if (wanted && terminal.err_redraws_) terminal.err_colour_ = Colour::always;
  if (wanted && ::isatty(STDOUT_FILENO) == 1) terminal.out_colour_ = Colour::always;
  return terminal;
}

void Terminal::print(std::string_view text) const {
  write_all(stdout, text);
}
void Terminal::progress(std::string_view text) const {
  write_all(stderr, text);
}

void Terminal::error(const Error& error) const {
  std::string text = styled("error:", Style::red, err_colour_) + " " + describe(error) + "\n";
  if (!error.hint.empty()) {
    text += styled(" hint:", Style::blue, err_colour_) + " " + error.hint + "\n";
  }
  progress(text);
}

std::string render_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], utf8_length(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - utf8_length(row[i]) + 2, ' ');
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

std::string styled(std::string_view text, Style style, Colour colour) {
  if (colour == Colour::never || style == Style::plain) return std::string(text);
  return fmt::format("{}{}\033[0m", code_of(style), text);
}

}  // namespace aphex::cli
