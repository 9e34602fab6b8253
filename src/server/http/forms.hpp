#pragma once
// What browsers send and are sent beside pages: form fields, cookies, redirections.

#include <string>
#include <string_view>

#include "server/http/http_server.hpp"
#include "server/http/peer.hpp"

namespace aphex::server {

// A field of an application/x-www-form-urlencoded body, decoded; empty where it is missing.
std::string form_field(const HttpRequest& request, std::string_view name);

// The session's cookie as it was sent; empty where there is none. Behind TLS it bears the prefix
// __Host-, so that no other host and no plain connection has set it.
std::string session_cookie(const HttpRequest& request, const Peer& peer);
// Value of Set-Cookie. HttpOnly and SameSite=Strict; Secure behind TLS.
std::string set_session_cookie(std::string_view cookie, const Peer& peer);
std::string drop_session_cookie(const Peer& peer);

// 303: the answer to a form is a page of its own.
HttpResponse see_other(std::string location);

// A path of this server, as a redirection may name it; "/" for anything else.
std::string local_path(std::string_view path);

}  // namespace aphex::server
