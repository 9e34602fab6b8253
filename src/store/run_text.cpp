#include "store/run_text.hpp"

#include "base/text.hpp"
#include "os/clock.hpp"

namespace aphex::store {

std::string time_text(Millis time) {
  return os::format_time(os::WallTime(std::chrono::milliseconds(time)));
}

std::string first_line(std::string_view text, std::size_t most) {
  return utf8_substr(trim(text.substr(0, text.find('\n'))), 0, most);
}

std::string lasted(const std::optional<Millis>& from, const std::optional<Millis>& until,
                   Millis now) {
  return from ? human_duration(until.value_or(now) - *from) : "";
}

}  // namespace aphex::store
