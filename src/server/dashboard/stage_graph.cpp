#include "server/dashboard/stage_graph.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "server/dashboard/ansi.hpp"
#include "server/dashboard/page.hpp"

namespace aphex::server {
namespace {

constexpr int kNodeHeight = 46;
constexpr int kColumnGap = 26;
constexpr int kRowGap = 14;
constexpr int kMargin = 4;
constexpr int kSignWidth = 38;        // the sign and the room around the name
constexpr double kLetterWidth = 9.2;  // of 13 pixels, bold, in the widest of the usual fonts
constexpr double kDetailWidth = 7.2;  // of 11.5 pixels
constexpr int kLeastWidth = 104;
constexpr std::size_t kMostLetters = 28;

struct Place {
  int x = 0;
  int y = 0;
  int width = 0;
};

std::string shortened(const std::string& name) {
  return utf8_length(name) <= kMostLetters ? name : utf8_substr(name, 0, kMostLetters - 1) + "…";
}

int width_of(const GraphNode& node) {
  const auto name = static_cast<double>(utf8_length(shortened(node.name)));
  const auto detail =
      static_cast<double>(utf8_length(node.detail) + utf8_length(word_of(node.state)) + 1);
  const double text = std::max(name * kLetterWidth, detail * kDetailWidth);
  return std::max(kLeastWidth, kSignWidth + static_cast<int>(text));
}

std::string node_svg(const GraphNode& node, const Place& place) {
  std::string words = std::string(word_of(node.state));
  if (!node.detail.empty()) words += " " + node.detail;
  std::string svg = fmt::format(
      "<g class=\"node {}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>"
      "<use class=\"sign\" href=\"#i-{}\" x=\"{}\" y=\"{}\" width=\"16\" height=\"16\"/>"
      "<text class=\"name\" x=\"{}\" y=\"{}\">{}</text><text class=\"detail\" x=\"{}\" y=\"{}\">{}"
      "</text>",
      node.state, place.x, place.y, place.width, kNodeHeight, node.state, place.x + 10, place.y + 9,
      place.x + 32, place.y + 21, escaped(shortened(node.name)), place.x + 32, place.y + 37,
      escaped(words));
  if (shortened(node.name) != node.name) svg += "<title>" + escaped(node.name) + "</title>";
  svg += "</g>";
  if (node.link.empty()) return svg;
  return fmt::format("<a href=\"{}\">{}</a>", escaped(node.link), svg);
}

}  // namespace

std::string graph_svg(const std::string& label, const std::vector<GraphNode>& nodes) {
  std::map<std::size_t, int> widths;
  std::map<std::size_t, int> rows;
  for (const GraphNode& node : nodes) {
    widths[node.column] = std::max(widths[node.column], width_of(node));
    ++rows[node.column];
  }
  int most_rows = 1;
  for (const auto& [column, count] : rows)
    most_rows = std::max(most_rows, count);
  const int height = 2 * kMargin + most_rows * kNodeHeight + (most_rows - 1) * kRowGap;
  std::map<std::size_t, int> lefts;
  int x = kMargin;
  for (const auto& [column, width] : widths) {
    lefts[column] = x;
    x += width + kColumnGap;
  }
  const int width = x - kColumnGap + kMargin;
  std::map<std::size_t, int> next;
  std::vector<Place> places;
  for (const GraphNode& node : nodes) {
    const int used = rows[node.column] * kNodeHeight + (rows[node.column] - 1) * kRowGap;
    const int top = (height - used) / 2 + next[node.column]++ * (kNodeHeight + kRowGap);
    places.push_back({lefts[node.column], top, widths[node.column]});
  }
  std::string edges;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::size_t need : nodes[i].needs) {
      const int from_x = places[need].x + places[need].width;
      const int from_y = places[need].y + kNodeHeight / 2;
      const int to_y = places[i].y + kNodeHeight / 2;
      const int middle = places[i].x - kColumnGap / 2;
      edges += fmt::format("<path class=\"edge\" d=\"M{} {} L{} {} C{} {} {} {} {} {}\"/>", from_x,
                           from_y, std::max(from_x, places[i].x - kColumnGap), from_y, middle,
                           from_y, middle, to_y, places[i].x, to_y);
    }
  }
  std::string svg = fmt::format(
      "<svg class=\"graph\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"group\""
      " aria-label=\"{}\">{}",
      width, height, width, height, escaped(label), edges);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    svg += node_svg(nodes[i], places[i]);
  return svg + "</svg>";
}

}  // namespace aphex::server
