#pragma once
// Charts as SVG, made here: nothing is drawn by script. Colours are classes of the site's style;
// each chart stands beside a table of the same numbers. Pure.

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace aphex::server {

struct Series {
  std::string name;
  std::string css_class;                        // its colour
  std::vector<std::optional<double>> values{};  // one a label
};

struct Chart {
  std::string title;
  std::vector<std::string> labels;  // of the x axis
  std::vector<Series> series;
  // How a value is written: "12", "3m 20s".
  std::function<std::string(double)> write;
};

std::string stacked_bars(const Chart& chart);
std::string lines(const Chart& chart);

// A step above `largest` whose quarters are round.
double axis_end(double largest);

}  // namespace aphex::server
