#include "server/http/html.hpp"

#include <kainjow/mustache.hpp>

#include "server/dashboard/assets.hpp"
#include "server/pages.hpp"

namespace aphex::server {

namespace mustache = kainjow::mustache;

HttpResponse html_answer(unsigned status, std::string body) {
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

HttpResponse framed(unsigned status, const Frame& frame, std::string content) {
  mustache::data whole;
  whole.set("title", frame.title);
  whole.set("css", css_path());
  whole.set("js", js_path());
  if (!frame.theme.empty()) whole.set("theme", frame.theme);
  if (!frame.events.empty()) whole.set("events", frame.events);
  if (!frame.here.empty()) whole.set("at_" + frame.here, mustache::data::type::bool_true);
  if (!frame.caller.empty()) {
    mustache::data caller;
    caller.set("name", frame.caller);
    if (!frame.form_token.empty() && frame.caller != "local") caller.set("token", frame.form_token);
    whole.set("caller", caller);
  }
  if (frame.admin) whole.set("admin", mustache::data::type::bool_true);
  whole.set("content", std::move(content));
  return html_answer(status, mustache::mustache(pages::kLayout).render(whole));
}

HttpResponse message_page(unsigned status, const std::string& what, const std::string& hint) {
  mustache::data values;
  const std::string title = status == 404   ? "Not found"
                            : status == 403 ? "Not allowed"
                            : status >= 500 ? "Not now"
                                            : "Not possible";
  values.set("status", std::to_string(status));
  values.set("title", title);
  values.set("what", what);
  if (!hint.empty()) values.set("hint", hint);
  return framed(status, {title}, mustache::mustache(pages::kMessage).render(values));
}

}  // namespace aphex::server
