#pragma once
// Words for people about what the records hold; the commands' and the pages'.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "store/run_records.hpp"

namespace aphex::store {

// 2026-01-31T08:15:30.123Z
std::string time_text(Millis time);
// A message's subject, so many characters of it at most.
std::string first_line(std::string_view text, std::size_t most);
// "2m 05s" up to its end, or up to now; empty where it has not begun.
std::string lasted(const std::optional<Millis>& from, const std::optional<Millis>& until,
                   Millis now);

}  // namespace aphex::store
