#pragma once
// Whole pages in the server's frame.

#include <string>

#include "server/http_server.hpp"

namespace aphex::server {

// What no browser may do with a page of ours: load, run or frame anything but what we serve, or
// send a form elsewhere.
HttpResponse html_answer(unsigned status, std::string body);

// A page that says one thing, and what mends it where there is something.
HttpResponse message_page(unsigned status, const std::string& what, const std::string& hint);

}  // namespace aphex::server
