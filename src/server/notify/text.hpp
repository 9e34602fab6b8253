#pragma once
// The words of a message: ours, or an operator's template. Pure.

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "server/notify/event.hpp"

namespace aphex::server::notify {

// How a value is written into a channel's text, so that it stays text there.
using Escape = std::string (*)(std::string_view value);
std::string as_it_is(std::string_view value);

struct Text {
  std::string title;  // one line
  std::string body;   // lines; may be empty
};

// {{name}} of mustache(5): what is documented in docs/notifications.md. The first line is the
// title, what follows the body. The error says what is wrong with the template.
struct Template {
  std::string text;
};
Result<Template> parse_template(std::string text);

struct Rendering {
  const Event& event;
  std::string link;
  Escape escape = as_it_is;
};
Text render(const Template& words, const Rendering& rendering);
Text default_text(const Rendering& rendering);
// "12 events": one line for each, as many as fit.
Text summary_text(const std::vector<Event>& events, const std::string& link, Escape escape);

// The first line, without control characters, of at most so many characters; "…" where it is cut.
std::string one_line(std::string_view text, std::size_t characters);

}  // namespace aphex::server::notify
