#pragma once
// What the server answers, by method and path: one table.

#include "server/http/http_server.hpp"
#include "server/route.hpp"

namespace aphex::server {

HttpResponse answer(Site& site, const HttpRequest& request);

// The most that a request's body may have.
std::size_t max_body_bytes(std::string_view path);

}  // namespace aphex::server
