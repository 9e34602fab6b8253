#pragma once
// What the server answers, by method and path: one table.

#include "server/http/http_server.hpp"
#include "server/route.hpp"

namespace aphex::server {

HttpResponse answer(Site& site, const HttpRequest& request);

// Of a request whose head alone was read, and its answer: counted, and where it was a delivery,
// kept with the reason.
Status note_refused(Site& site, HttpRequest request, const HttpResponse& response);

// The most that a request's body may have.
std::size_t max_body_bytes(std::string_view path);

}  // namespace aphex::server
