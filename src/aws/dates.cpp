#include "aws/dates.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace aphex::aws {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Reads a text from the left; the first thing that does not fit makes it fail for good.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    const std::string_view part = text_.substr(0, digits);
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    const bool whole = part.size() == digits && error == std::errc() &&
                       end == part.data() + part.size() && part.front() != '-';
    if (!whole) ok_ = false;
    text_.remove_prefix(part.size());
    return value;
  }
  void literal(std::string_view expected) {
    if (!text_.starts_with(expected)) {
      ok_ = false;
      return;
    }
    text_.remove_prefix(expected.size());
  }
  bool skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string_view take(std::size_t count) {
    const std::string_view part = text_.substr(0, count);
    text_.remove_prefix(part.size());
    return part;
  }
  bool digit_next() const { return !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; }
  bool at_end() const { return text_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::string_view text_;
  bool ok_ = true;
};

struct Fields {
  int year, month, day, hour, minute, second;
};

std::optional<os::WallTime> to_time(const Fields& f) {
  const std::chrono::year_month_day date{std::chrono::year(f.year),
                                         std::chrono::month(static_cast<unsigned>(f.month)),
                                         std::chrono::day(static_cast<unsigned>(f.day))};
  const bool in_range = date.ok() && f.hour <= 23 && f.minute <= 59 && f.second <= 60;
  if (!in_range) return std::nullopt;
  return os::WallTime(std::chrono::sys_days(date)) + hours(f.hour) + minutes(f.minute) +
         seconds(f.second);
}

// Seconds east of UTC, from "Z", "+hh:mm", "+hhmm" or nothing.
seconds read_offset(Cursor& cursor) {
  if (cursor.at_end() || cursor.skip('Z')) return seconds(0);
  const bool west = cursor.skip('-');
  if (!west) cursor.literal("+");
  const int hour = cursor.number(2);
  cursor.skip(':');
  const int minute = cursor.number(2);
  const seconds offset = hours(hour) + minutes(minute);
  return west ? -offset : offset;
}

}  // namespace

std::string signing_time(os::WallTime time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<seconds>(time - day));
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<os::WallTime> parse_iso_time(std::string_view text) {
  Cursor cursor(text);
  Fields f{};
  f.year = cursor.number(4);
  cursor.literal("-");
  f.month = cursor.number(2);
  cursor.literal("-");
  f.day = cursor.number(2);
  cursor.literal("T");
  f.hour = cursor.number(2);
  cursor.literal(":");
  f.minute = cursor.number(2);
  cursor.literal(":");
  f.second = cursor.number(2);
  int fraction_ms = 0;
  if (cursor.skip('.')) {
    for (int scale = 100; cursor.ok() && cursor.digit_next(); scale /= 10) {
      fraction_ms += cursor.number(1) * scale;
    }
  }
  const seconds offset = read_offset(cursor);
  if (!cursor.ok() || !cursor.at_end()) return std::nullopt;
  const auto time = to_time(f);
  if (!time) return std::nullopt;
  return *time + milliseconds(fraction_ms) - offset;
}

std::optional<os::WallTime> parse_http_time(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Cursor cursor(text);
  Fields f{};
  cursor.take(3);  // the day of the week follows from the date
  cursor.literal(", ");
  f.day = cursor.number(2);
  cursor.literal(" ");
  const std::string_view month = cursor.take(3);
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (kMonths[i] == month) f.month = static_cast<int>(i) + 1;
  }
  cursor.literal(" ");
  f.year = cursor.number(4);
  cursor.literal(" ");
  f.hour = cursor.number(2);
  cursor.literal(":");
  f.minute = cursor.number(2);
  cursor.literal(":");
  f.second = cursor.number(2);
  cursor.literal(" GMT");
  if (!cursor.ok() || !cursor.at_end()) return std::nullopt;
  return to_time(f);
}

}  // namespace aphex::aws
