#include "base/diagnostic.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex {
namespace {

// A quoted line longer than this is cut around the caret: nobody reads a minified line whole.
constexpr std::size_t kMaxQuotedColumns = 160;

struct Palette {
  std::string_view bold, red, yellow, blue, reset;
};

constexpr Palette kPlain{"", "", "", "", ""};
constexpr Palette kAnsi{"\033[1m", "\033[1;31m", "\033[1;33m", "\033[1;34m", "\033[0m"};

// The line as it will stand on a terminal: control characters would move the caret or worse.
std::string printable(std::string_view line) {
  std::string out;
  out.reserve(line.size());
  for (char c : line)
    out += (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? ' ' : c;
  return out;
}

std::size_t caret_width(const Span& span, std::size_t line_length) {
  const std::size_t start = span.begin.column - 1;
  if (span.end.line == span.begin.line && span.end.column > span.begin.column) {
    return span.end.column - span.begin.column;
  }
  return line_length > start && span.end.line > span.begin.line ? line_length - start : 1;
}

void append_excerpt(std::string& out, const Source& source, const Diagnostic& diagnostic,
                    const Palette& palette) {
  const std::uint32_t number = diagnostic.span.begin.line;
  if (number == 0 || number > source.line_count()) return;
  std::string quoted = printable(source.line(number));
  const std::size_t length = utf8_length(quoted);
  std::size_t column = diagnostic.span.begin.column - 1;
  std::size_t width = std::max<std::size_t>(1, caret_width(diagnostic.span, length));
  if (length > kMaxQuotedColumns) {
    const std::size_t from = column > 40 ? column - 40 : 0;
    quoted = (from > 0 ? "…" : "") + utf8_substr(quoted, from, kMaxQuotedColumns);
    column = column - from + (from > 0 ? 1 : 0);
    width = std::min(width, kMaxQuotedColumns - std::min(kMaxQuotedColumns - 1, column));
  }
  const std::string gutter = fmt::format("{:>5}", number);
  const std::string blank(gutter.size(), ' ');
  fmt::format_to(std::back_inserter(out), "{0}{1} |{2} {3}\n", palette.blue, gutter, palette.reset,
                 quoted);
  fmt::format_to(std::back_inserter(out), "{0}{1} |{2} {3}{4}^{5}{2}\n", palette.blue, blank,
                 palette.reset, std::string(column, ' '),
                 diagnostic.severity == Severity::error ? palette.red : palette.yellow,
                 std::string(width - 1, '~'));
}

}  // namespace

Source::Source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
  starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n' || (text_[i] == '\r' && (i + 1 == text_.size() || text_[i + 1] != '\n'))) {
      starts_.push_back(i + 1);
    }
  }
}

std::string_view Source::line(std::uint32_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  const std::size_t begin = starts_[number - 1];
  const std::size_t end = number < starts_.size() ? starts_[number] : text_.size();
  std::string_view text(text_.data() + begin, end - begin);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  // A byte order mark occupies no column.
  if (number == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

void sort_by_place(std::vector<Diagnostic>& diagnostics) {
  std::stable_sort(
      diagnostics.begin(), diagnostics.end(),
      [](const Diagnostic& a, const Diagnostic& b) { return a.span.begin < b.span.begin; });
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string render_text(const Source& source, const std::vector<Diagnostic>& diagnostics,
                        Colour colour) {
  const Palette& palette = colour == Colour::always ? kAnsi : kPlain;
  std::string out;
  for (const Diagnostic& d : diagnostics) {
    const bool error = d.severity == Severity::error;
    fmt::format_to(std::back_inserter(out), "{0}{1}:{2}:{3}:{4} {5}{6}:{4} {0}{7}{4}\n",
                   palette.bold, source.name(), d.span.begin.line, d.span.begin.column,
                   palette.reset, error ? palette.red : palette.yellow, error ? "error" : "warning",
                   d.message);
    append_excerpt(out, source, d, palette);
    if (!d.hint.empty()) {
      fmt::format_to(std::back_inserter(out), "      {}= hint:{} {}\n", palette.blue, palette.reset,
                     d.hint);
    }
  }
  return out;
}

}  // namespace aphex
