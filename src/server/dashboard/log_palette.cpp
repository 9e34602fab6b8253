#include "server/dashboard/log_palette.hpp"

#include <cmath>

#include <fmt/format.h>

#include "server/dashboard/ansi.hpp"

namespace aphex::server {
namespace {

constexpr double kContrast = 4.6;
constexpr Rgb kLetters{230, 237, 243};
constexpr Rgb kWhite{255, 255, 255};
constexpr Rgb kBlack{0, 0, 0};
constexpr int kSteps = 50;

// WCAG 2.2, "relative luminance".
double luminance(const Rgb& colour) {
  const auto part = [](int value) {
    const double share = value / 255.0;
    return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * part(colour.red) + 0.7152 * part(colour.green) + 0.0722 * part(colour.blue);
}

double contrast(const Rgb& a, const Rgb& b) {
  const double one = luminance(a);
  const double other = luminance(b);
  return (std::max(one, other) + 0.05) / (std::min(one, other) + 0.05);
}

Rgb mixed(const Rgb& from, const Rgb& to, int step) {
  const auto part = [step](int a, int b) { return a + (b - a) * step / kSteps; };
  return {part(from.red, to.red), part(from.green, to.green), part(from.blue, to.blue)};
}

// The nearest to `colour` on the way to `to` that has the contrast with `against`.
Rgb legible(const Rgb& colour, const Rgb& to, const Rgb& against) {
  for (int step = 0; step < kSteps; ++step) {
    const Rgb tried = mixed(colour, to, step);
    if (contrast(tried, against) >= kContrast) return tried;
  }
  return to;
}

std::string hex(const Rgb& colour) {
  return fmt::format("#{:02x}{:02x}{:02x}", colour.red, colour.green, colour.blue);
}

}  // namespace

std::string log_palette_css() {
  const Rgb ground{kLogGround[0], kLogGround[1], kLogGround[2]};
  std::string css;
  for (int index = 0; index < 256; ++index) {
    const Rgb colour = palette_colour(index);
    css += fmt::format(".log .f{}{{color:{}}}\n", index, hex(legible(colour, kWhite, ground)));
    css +=
        fmt::format(".log .g{}{{background:{}}}\n", index, hex(legible(colour, kBlack, kLetters)));
  }
  return css;
}

}  // namespace aphex::server
