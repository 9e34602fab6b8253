#include "server/dashboard/page.hpp"

#include <fmt/format.h>

#include "os/clock.hpp"
#include "server/dashboard/ansi.hpp"
#include "server/dashboard/live_hub.hpp"
#include "server/dashboard/query.hpp"
#include "server/http/html.hpp"
#include "store/run_text.hpp"

namespace aphex::server {
namespace {

namespace mustache = kainjow::mustache;

// "theme=dark" of the cookies; empty where the system decides.
std::string theme_of(const HttpRequest& request) {
  const std::string cookies = request.header("Cookie");
  for (const std::string_view theme : {"dark", "light"}) {
    const std::size_t at = cookies.find(fmt::format("theme={}", theme));
    if (at != std::string::npos && (at == 0 || cookies[at - 1] == ' ' || cookies[at - 1] == ';'))
      return std::string(theme);
  }
  return {};
}

}  // namespace

View list() {
  return View(View::type::list);
}

View truth(bool value) {
  return value ? View::type::bool_true : View::type::bool_false;
}

std::string render(const char* text, const View& values) {
  return mustache::mustache(text).render(values);
}

HttpResponse page(const Exchange& exchange, const Shell& shell, const char* content,
                  const View& values) {
  Frame frame;
  frame.title = shell.title;
  frame.here = shell.here;
  frame.theme = theme_of(exchange.request);
  frame.caller = exchange.caller.name;
  frame.form_token = exchange.caller.form_token;
  frame.admin = may(exchange, Access::admin);
  if (!shell.topic.empty()) {
    if (const Result<std::string> mark = exchange.site.live.mark(shell.topic)) {
      frame.events = fmt::format("/events?topic={}&seen={}", percent_encode(shell.topic), *mark);
    }
  }
  return framed(shell.status, frame, render(content, values));
}

HttpResponse or_problem(Result<HttpResponse> response) {
  if (response) return std::move(*response);
  const Error& error = response.error();
  return message_page(error.code == ErrorCode::not_found ? 404 : 503, describe(error), "");
}

bool may(const Exchange& exchange, Access access) {
  return exchange.caller.access >= access;
}

std::string_view word_of(std::string_view state) {
  if (state == "asking") return "waits for approval";
  return state == "handed-over" ? "handed over" : state;
}

std::string badge(std::string_view state) {
  return fmt::format(
      "<span class=\"state {0}\"><svg class=\"sign\" aria-hidden=\"true\"><use href=\"#i-{0}\">"
      "</use></svg>{1}</span>",
      state, word_of(state));
}

std::string sign(std::string_view state) {
  return fmt::format(
      "<span class=\"state {0}\"><svg class=\"sign\" role=\"img\" aria-label=\"{1}\"><use"
      " href=\"#i-{0}\"></use></svg></span>",
      state, word_of(state));
}

std::string time_html(store::Millis time) {
  std::string text = store::time_text(time);
  const std::string precise = text.substr(0, sizeof("2026-01-31T08:15:30") - 1) + "Z";
  text.resize(sizeof("2026-01-31T08:15") - 1);
  text[sizeof("2026-01-31") - 1] = ' ';
  return fmt::format("<time datetime=\"{}\" title=\"{} UTC\">{}</time>", precise, text, text);
}

std::string lasted_html(const std::optional<store::Millis>& from,
                        const std::optional<store::Millis>& until) {
  const std::string text = store::lasted(from, until, now_millis());
  if (!from || until) return text;
  return fmt::format("<span data-since=\"{}\">{}</span>", *from, text);
}

store::Millis now_millis() {
  return os::make_system_clock()->now().time_since_epoch().count();
}

}  // namespace aphex::server
