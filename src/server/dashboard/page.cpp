#include "server/dashboard/page.hpp"

#include <fmt/format.h>

#include "os/clock.hpp"
#include "server/dashboard/ansi.hpp"
#include "server/dashboard/assets.hpp"
#include "server/dashboard/live_hub.hpp"
#include "server/dashboard/query.hpp"
#include "server/pages.hpp"
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

HttpResponse html(unsigned status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::move(body);
  response.headers.emplace_back("Cache-Control", "no-store");
  // Nothing but our own files is loaded or run, whatever a pusher writes.
  response.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
      " base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  response.headers.emplace_back("Referrer-Policy", "same-origin");
  return response;
}

std::string framed(const Exchange& exchange, const Shell& shell, std::string content) {
  View whole;
  whole.set("title", shell.title);
  whole.set("css", css_path());
  whole.set("js", js_path());
  if (const std::string theme = theme_of(exchange.request); !theme.empty())
    whole.set("theme", theme);
  if (!exchange.caller.name.empty()) whole.set("caller", exchange.caller.name);
  for (const std::string_view name : {"overview", "queue", "deliveries"})
    whole.set("at_" + std::string(name), truth(shell.here == name));
  if (!shell.topic.empty()) {
    const Result<std::string> mark = exchange.site.live.mark(shell.topic);
    if (mark) {
      whole.set("live",
                fmt::format("/events?topic={}&seen={}", percent_encode(shell.topic), *mark));
    }
  }
  whole.set("content", std::move(content));
  return render(pages::kLayout, whole);
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
  return html(200, framed(exchange, shell, render(content, values)));
}

HttpResponse error_page(const Exchange& exchange, unsigned status, const std::string& title,
                        const std::string& what) {
  View values;
  values.set("title", title);
  values.set("what", what);
  values.set("status", std::to_string(status));
  return html(status, framed(exchange, {title}, render(pages::kError, values)));
}

HttpResponse not_found(const Exchange& exchange, const std::string& what) {
  return error_page(exchange, 404, "Not found", what);
}

HttpResponse or_problem(const Exchange& exchange, Result<HttpResponse> response) {
  if (response) return std::move(*response);
  if (response.error().code == ErrorCode::not_found)
    return not_found(exchange, response.error().message);
  return error_page(exchange, 503, "Not now", describe(response.error()));
}

bool may(const Exchange& exchange, Access access) {
  return exchange.caller.access >= access;
}

std::string_view word_of(std::string_view state) {
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
