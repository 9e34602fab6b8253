#pragma once
// What every page has: the frame around it, its headers, and how states and times are shown. The
// only user of mustache, with the pages beside it.

#include <kainjow/mustache.hpp>
#include <string>

#include "server/route.hpp"
#include "store/run_records.hpp"

namespace aphex::server {

using View = kainjow::mustache::data;

struct Shell {
  std::string title;
  std::string_view here = {};  // of the navigation: overview, queue, deliveries, audit
  std::string topic = {};      // of live_hub.hpp: what the page is loaded again for
  unsigned status = 200;
};

HttpResponse page(const Exchange& exchange, const Shell& shell, const char* content,
                  const View& values);
// The page, or why there is none: not_found is 404, everything else 503.
HttpResponse or_problem(Result<HttpResponse> response);

bool may(const Exchange& exchange, Access access);

View list();
View truth(bool value);
std::string render(const char* text, const View& values);

// HTML.
std::string badge(std::string_view state);  // the state's sign and word
std::string sign(std::string_view state);   // its sign alone, with the word for readers
std::string time_html(store::Millis time);  // 2026-01-31 08:15, told as "5m ago" by script
// "2m 05s"; goes on by script where it has no end.
std::string lasted_html(const std::optional<store::Millis>& from,
                        const std::optional<store::Millis>& until);
std::string_view word_of(std::string_view state);  // "handed-over" is "handed over"
store::Millis now_millis();

inline constexpr std::size_t kShortCommit = 12;
inline constexpr std::size_t kSubjectCharacters = 90;

}  // namespace aphex::server
