#include "server/http/forms.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/text.hpp"
#include "server/access/access_store.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kMostPath = 1024;

std::string_view cookie_name(const Peer& peer) {
  return peer.secure() ? "__Host-aphex_session" : "aphex_session";
}

std::string cookie_flags(const Peer& peer) {
  return std::string("; Path=/; HttpOnly; SameSite=Strict") + (peer.secure() ? "; Secure" : "");
}

}  // namespace

std::string form_field(const HttpRequest& request, std::string_view name) {
  const std::string type = to_lower(request.header("Content-Type"));
  if (!type.starts_with("application/x-www-form-urlencoded")) return {};
  // A form writes spaces as '+'.
  for (const auto& [key, value] : aws::parse_query(replace_all(request.body, "+", "%20"))) {
    if (key == name) return value;
  }
  return {};
}

std::string session_cookie(const HttpRequest& request, const Peer& peer) {
  const std::string wanted = std::string(cookie_name(peer)) + "=";
  for (const auto& [name, value] : request.headers) {
    if (to_lower(name) != "cookie") continue;
    for (const std::string& part : split(value, ';')) {
      const std::string_view pair = trim(part);
      if (pair.starts_with(wanted)) return std::string(pair.substr(wanted.size()));
    }
  }
  return {};
}

std::string set_session_cookie(std::string_view cookie, const Peer& peer) {
  return fmt::format("{}={}; Max-Age={}{}", cookie_name(peer), cookie,
                     std::chrono::seconds(kSessionTime).count(), cookie_flags(peer));
}

std::string drop_session_cookie(const Peer& peer) {
  return fmt::format("{}=; Max-Age=0{}", cookie_name(peer), cookie_flags(peer));
}

HttpResponse see_other(std::string location) {
  HttpResponse response;
  response.status = 303;
  response.headers.emplace_back("Location", std::move(location));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

std::string local_path(std::string_view path) {
  const bool plain = std::all_of(path.begin(), path.end(),
                                 [](char c) { return c > ' ' && c < 0x7f && c != '\\'; });
  // "//host" is another server's; so is "/\host" to a browser.
  if (!plain || path.size() > kMostPath || !path.starts_with('/') || path.starts_with("//"))
    return "/";
  return std::string(path);
}

}  // namespace aphex::server
