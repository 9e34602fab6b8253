#include "server/dashboard/ansi.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace aphex::server {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::size_t kMostColumns = 65'536;
constexpr std::size_t kMostParameters = 32;
constexpr std::size_t kTabStop = 8;
// The edges of xterm's cube of 6 × 6 × 6 colours.
constexpr std::array<int, 6> kCube{0, 95, 135, 175, 215, 255};
constexpr int kCubeAt = 16;
constexpr int kGreysAt = 232;

bool is_final(char c) {
  return c >= '@' && c <= '~';
}

// Bytes of the character that begins at `at`; 1 for what is no UTF-8.
std::size_t character_size(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  std::size_t size = 1;
  if (first >= 0xf0 && first < 0xf5) {
    size = 4;
  } else if (first >= 0xe0) {
    size = first < 0xf0 ? 3 : 1;
  } else if (first >= 0xc2) {
    size = 2;
  }
  if (at + size > text.size()) return 1;
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0U) != 0x80U) return 1;
  }
  return size;
}

std::vector<int> numbers_of(std::string_view parameters) {
  std::vector<int> numbers;
  std::size_t at = 0;
  while (numbers.size() < kMostParameters) {
    // ISO 8613-6 parts a colour's numbers by colons, everybody else by semicolons.
    const std::size_t end = std::min(parameters.find_first_of(";:", at), parameters.size());
    int value = 0;
    std::from_chars(parameters.data() + at, parameters.data() + end, value);
    const bool empty_between_colons = end == at && at > 0 && parameters[at - 1] == ':';
    if (!empty_between_colons) numbers.push_back(value);
    if (end == parameters.size()) break;
    at = end + 1;
  }
  return numbers;
}

// 38;5;n and 38;2;r;g;b: the colour, and `at` behind it.
std::int16_t extended_colour(const std::vector<int>& numbers, std::size_t& at) {
  const std::size_t left = numbers.size() - at;
  if (left >= 3 && numbers[at + 1] == 5) {
    at += 2;
    return static_cast<std::int16_t>(std::clamp(numbers[at], 0, 255));
  }
  if (left >= 5 && numbers[at + 1] == 2) {
    at += 4;
    return nearest_colour(numbers[at - 2], numbers[at - 1], numbers[at]);
  }
  at = numbers.size();
  return -1;
}

void apply(TextStyle& style, int code) {
  switch (code) {
    case 0:
      style = {};
      return;
    case 1:
      style.bold = true;
      return;
    case 2:
      style.faint = true;
      return;
    case 3:
      style.italic = true;
      return;
    case 4:
      style.underlined = true;
      return;
    case 7:
      style.inverse = true;
      return;
    case 9:
      style.struck = true;
      return;
    case 22:
      style.bold = style.faint = false;
      return;
    case 23:
      style.italic = false;
      return;
    case 24:
      style.underlined = false;
      return;
    case 27:
      style.inverse = false;
      return;
    case 29:
      style.struck = false;
      return;
    case 39:
      style.letters = -1;
      return;
    case 49:
      style.ground = -1;
      return;
    default:
      break;
  }
  if (code >= 30 && code <= 37) style.letters = static_cast<std::int16_t>(code - 30);
  if (code >= 40 && code <= 47) style.ground = static_cast<std::int16_t>(code - 40);
  if (code >= 90 && code <= 97) style.letters = static_cast<std::int16_t>(code - 90 + 8);
  if (code >= 100 && code <= 107) style.ground = static_cast<std::int16_t>(code - 100 + 8);
}

std::string classes_of(const TextStyle& style) {
  std::string classes;
  const auto add = [&](const std::string& name) { classes += (classes.empty() ? "" : " ") + name; };
  if (style.bold) add("b");
  if (style.faint) add("d");
  if (style.italic) add("i");
  if (style.underlined) add("u");
  if (style.struck) add("s");
  const std::int16_t letters = style.inverse ? style.ground : style.letters;
  const std::int16_t ground = style.inverse ? style.letters : style.ground;
  if (letters >= 0) add(fmt::format("f{}", letters));
  if (ground >= 0) add(fmt::format("g{}", ground));
  if (style.inverse && letters < 0) add("fi");
  if (style.inverse && ground < 0) add("gi");
  return classes;
}

bool is_plain(std::string_view line) {
  return std::none_of(line.begin(), line.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\t') || u == 0x7f;
  });
}

}  // namespace

void append_escaped(std::string& html, std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t next = std::min(text.find_first_of("&<>\"'", at), text.size());
    html.append(text.substr(at, next - at));
    if (next == text.size()) return;
    switch (text[next]) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += "&#39;";
        break;
    }
    at = next + 1;
  }
}

std::string escaped(std::string_view text) {
  std::string html;
  append_escaped(html, text);
  return html;
}

Rgb palette_colour(int index) {
  // The sixteen as the page's log wants them (log_palette.cpp brings them to their contrast).
  static constexpr std::array<Rgb, 16> kNamed{{{110, 118, 129},
                                               {255, 123, 114},
                                               {63, 185, 80},
                                               {210, 153, 34},
                                               {88, 166, 255},
                                               {188, 140, 255},
                                               {57, 197, 207},
                                               {177, 186, 196},
                                               {139, 148, 158},
                                               {255, 161, 152},
                                               {86, 211, 100},
                                               {227, 179, 65},
                                               {121, 192, 255},
                                               {210, 168, 255},
                                               {86, 212, 221},
                                               {240, 246, 252}}};
  if (index < kCubeAt) return kNamed[static_cast<std::size_t>(std::max(index, 0))];
  if (index >= kGreysAt) {
    const int grey = 8 + 10 * (index - kGreysAt);
    return {grey, grey, grey};
  }
  const int cell = index - kCubeAt;
  return {kCube[static_cast<std::size_t>(cell / 36)], kCube[static_cast<std::size_t>(cell / 6 % 6)],
          kCube[static_cast<std::size_t>(cell % 6)]};
}

std::int16_t nearest_colour(int red, int green, int blue) {
  int best = kCubeAt;
  int distance = 3 * 256 * 256;
  // Not of the sixteen: those are each terminal's own.
  for (int index = kCubeAt; index < 256; ++index) {
    const Rgb colour = palette_colour(index);
    const int away = (colour.red - red) * (colour.red - red) +
                     (colour.green - green) * (colour.green - green) +
                     (colour.blue - blue) * (colour.blue - blue);
    if (away < distance) {
      distance = away;
      best = index;
    }
  }
  return static_cast<std::int16_t>(best);
}

void AnsiText::put(std::string_view character) {
  if (column_ >= kMostColumns) return;
  if (column_ >= cells_.size()) cells_.resize(column_ + 1, Cell{{}, {' '}, 1});
  Cell& cell = cells_[column_++];
  cell.style = style_;
  cell.size = static_cast<std::uint8_t>(character.size());
  std::copy(character.begin(), character.end(), cell.bytes.begin());
}

void AnsiText::select(std::string_view parameters) {
  const std::vector<int> numbers = numbers_of(parameters);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == 38) {
      style_.letters = extended_colour(numbers, i);
    } else if (numbers[i] == 48) {
      style_.ground = extended_colour(numbers, i);
    } else {
      apply(style_, numbers[i]);
    }
  }
}

void AnsiText::erase_in_line(std::string_view parameters) {
  if (parameters == "2") {
    cells_.clear();
  } else if (parameters == "1") {
    for (std::size_t i = 0; i < std::min(column_ + 1, cells_.size()); ++i)
      cells_[i] = Cell{{}, {' '}, 1};
  } else {
    cells_.resize(std::min(column_, cells_.size()));
  }
}

// CSI: parameters, intermediates, one final byte.
std::size_t AnsiText::control_sequence(std::string_view line, std::size_t at) {
  std::size_t end = at;
  while (end < line.size() && !is_final(line[end]) && line[end] != kEscape)
    ++end;
  if (end == line.size() || line[end] == kEscape) return end;
  const std::string_view parameters = line.substr(at, end - at);
  int count = 1;
  std::from_chars(parameters.data(), parameters.data() + parameters.size(), count);
  const auto columns = static_cast<std::size_t>(std::clamp(count, 1, 10'000));
  switch (line[end]) {
    case 'm':
      select(parameters);
      break;
    case 'K':
      erase_in_line(parameters);
      break;
    case 'G':
      column_ = columns - 1;
      break;
    case 'C':
      column_ += columns;
      break;
    case 'D':
      column_ -= std::min(column_, columns);
      break;
    default:
      break;  // moves of the cursor across lines, modes: there is no screen here
  }
  return end + 1;
}

std::size_t AnsiText::escape(std::string_view line, std::size_t at) {
  if (at + 1 >= line.size()) return line.size();
  const char kind = line[at + 1];
  if (kind == '[') return control_sequence(line, at + 2);
  // Strings for the terminal (titles, links): up to BEL or ST.
  if (kind == ']' || kind == 'P' || kind == '^' || kind == '_' || kind == 'X') {
    for (std::size_t i = at + 2; i < line.size(); ++i) {
      if (line[i] == '\a') return i + 1;
      if (line[i] == kEscape) return i + 1 < line.size() && line[i + 1] == '\\' ? i + 2 : i;
    }
    return line.size();
  }
  // nF: intermediates up to a final byte; else two bytes.
  std::size_t end = at + 1;
  while (end < line.size() && line[end] >= ' ' && line[end] <= '/')
    ++end;
  return std::min(end + 1, line.size());
}

std::string AnsiText::html_of_cells() const {
  std::string html;
  std::size_t at = 0;
  while (at < cells_.size()) {
    const TextStyle& style = cells_[at].style;
    std::string text;
    for (; at < cells_.size() && cells_[at].style == style; ++at)
      text.append(cells_[at].bytes.data(), cells_[at].size);
    const std::string classes = classes_of(style);
    if (!classes.empty()) html += "<span class=\"" + classes + "\">";
    append_escaped(html, text);
    if (!classes.empty()) html += "</span>";
  }
  return html;
}

void AnsiText::read(std::string_view line) {
  cells_.clear();
  column_ = 0;
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (c == kEscape) {
      at = escape(line, at);
      continue;
    }
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u != 0x7f) {
      const std::size_t size = character_size(line, at);
      put(line.substr(at, size));
      at += size;
      continue;
    }
    ++at;
    if (c == '\r') column_ = 0;
    if (c == '\b' && column_ > 0) --column_;
    if (c == '\t') {
      do {
        put(" ");
      } while (column_ % kTabStop != 0 && column_ < kMostColumns);
    }
  }
}

std::string AnsiText::html(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (style_ == TextStyle{} && is_plain(line)) return escaped(line);
  read(line);
  return html_of_cells();
}

std::string AnsiText::plain(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (is_plain(line)) return std::string(line);
  read(line);
  std::string text;
  for (const Cell& cell : cells_)
    text.append(cell.bytes.data(), cell.size);
  return text;
}

void AnsiText::skip(std::string_view line) {
  for (std::size_t at = line.find(kEscape); at < line.size(); at = line.find(kEscape, at)) {
    cells_.clear();
    column_ = 0;
    at = escape(line, at);
    if (at >= line.size()) break;
  }
}

}  // namespace aphex::server
