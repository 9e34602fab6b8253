#include "server/dashboard/charts.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "server/dashboard/ansi.hpp"

namespace aphex::server {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 200;
constexpr double kLeft = 52;
constexpr double kRight = 8;
constexpr double kTop = 10;
constexpr double kBottom = 24;
constexpr int kTicks = 4;
constexpr double kMostBar = 26;

double x_of(const Chart& chart, std::size_t index) {
  const double count = static_cast<double>(std::max<std::size_t>(chart.labels.size(), 1));
  return kLeft + (kWidth - kLeft - kRight) * (static_cast<double>(index) + 0.5) / count;
}

double y_of(double value, double end) {
  return kHeight - kBottom - (kHeight - kTop - kBottom) * value / end;
}

std::string head(const Chart& chart, double end) {
  std::string svg =
      fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
                  kWidth, kHeight, escaped(chart.title));
  for (int tick = 0; tick <= kTicks; ++tick) {
    const double value = end * tick / kTicks;
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text class=\"axis"
        " end\" x=\"{}\" y=\"{:.1f}\">{}</text>",
        kLeft, kWidth - kRight, y_of(value, end), y_of(value, end), kLeft - 8, y_of(value, end) + 4,
        escaped(chart.write(value)));
  }
  const std::size_t count = chart.labels.size();
  for (const std::size_t index : {std::size_t{0}, count / 2, count == 0 ? 0 : count - 1}) {
    if (index >= count) continue;
    const std::string_view anchor = index == 0 ? "start" : index + 1 == count ? "end" : "middle";
    const double x = index == 0 ? kLeft : index + 1 == count ? kWidth - kRight : x_of(chart, index);
    svg += fmt::format("<text class=\"axis {}\" x=\"{:.1f}\" y=\"{}\">{}</text>", anchor, x,
                       kHeight - 6, escaped(chart.labels[index]));
  }
  return svg;
}

std::string hint(const Chart& chart, const Series& series, std::size_t index) {
  return fmt::format("<title>{}: {} {}</title>", escaped(chart.labels[index]), escaped(series.name),
                     escaped(chart.write(series.values[index].value_or(0))));
}

}  // namespace

double axis_end(double largest) {
  if (largest <= 0) return kTicks;
  const double step = largest / kTicks;
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    if (factor * power >= step) return std::max(factor * power * kTicks, double{kTicks});
  }
  return largest;
}

std::string stacked_bars(const Chart& chart) {
  double largest = 0;
  for (std::size_t i = 0; i < chart.labels.size(); ++i) {
    double sum = 0;
    for (const Series& series : chart.series)
      sum += series.values[i].value_or(0);
    largest = std::max(largest, sum);
  }
  const double end = axis_end(largest);
  std::string svg = head(chart, end);
  const double room = (kWidth - kLeft - kRight) /
                      static_cast<double>(std::max<std::size_t>(chart.labels.size(), 1));
  const double width = std::min(room * 0.72, kMostBar);
  for (std::size_t i = 0; i < chart.labels.size(); ++i) {
    double below = 0;
    for (const Series& series : chart.series) {
      const double value = series.values[i].value_or(0);
      if (value <= 0) continue;
      const double top = y_of(below + value, end);
      svg += fmt::format(
          "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
          "height=\"{:.1f}\">{}</rect>",
          series.css_class, x_of(chart, i) - width / 2, top, width, y_of(below, end) - top,
          hint(chart, series, i));
      below += value;
    }
  }
  return svg + "</svg>";
}

std::string lines(const Chart& chart) {
  double largest = 0;
  for (const Series& series : chart.series) {
    for (const std::optional<double>& value : series.values)
      largest = std::max(largest, value.value_or(0));
  }
  const double end = axis_end(largest);
  std::string svg = head(chart, end);
  for (const Series& series : chart.series) {
    // Days without a value are bridged: a gap would say that something stopped.
    std::string points;
    std::string dots;
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      if (!series.values[i]) continue;
      const double x = x_of(chart, i);
      const double y = y_of(*series.values[i], end);
      points += fmt::format("{:.1f},{:.1f} ", x, y);
      dots +=
          fmt::format("<circle class=\"dot {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\">{}</circle>",
                      series.css_class, x, y, hint(chart, series, i));
    }
    svg += fmt::format("<polyline class=\"line {}\" points=\"{}\"/>{}", series.css_class, points,
                       dots);
  }
  return svg + "</svg>";
}

}  // namespace aphex::server
