#include "server/html.hpp"

#include <kainjow/mustache.hpp>

#include "server/pages.hpp"

namespace aphex::server {

namespace mustache = kainjow::mustache;

HttpResponse html_answer(unsigned status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::move(body);
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                                "form-action 'self'; frame-ancestors 'none'");
  response.headers.emplace_back("Referrer-Policy", "same-origin");
  return response;
}

HttpResponse message_page(unsigned status, const std::string& what, const std::string& hint) {
  mustache::data values;
  values.set("what", what);
  if (!hint.empty()) values.set("hint", hint);
  mustache::data whole;
  whole.set("title", status == 404 ? "Not found" : "Not possible");
  whole.set("reload", mustache::data::type::bool_false);
  whole.set("content", mustache::mustache(pages::kMessage).render(values));
  return html_answer(status, mustache::mustache(pages::kLayout).render(whole));
}

}  // namespace aphex::server
