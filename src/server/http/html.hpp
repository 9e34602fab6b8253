#pragma once
// Whole pages in the server's frame.

#include <string>

#include "server/http/http_server.hpp"

namespace aphex::server {

// What no browser may do with a page of ours: load, run or frame anything but what we serve, or
// send a form elsewhere.
HttpResponse html_answer(unsigned status, std::string body);

// What stands around a page's content.
struct Frame {
  std::string title;
  std::string here = {};        // of the navigation: overview, queue, deliveries, audit
  std::string events = {};      // the address of what tells that it has changed
  std::string theme = {};       // dark, light; empty: as the system
  std::string caller = {};      // who looks; empty: nobody that we know
  std::string form_token = {};  // theirs; empty: they have not logged in
  bool admin = false;           // whether they may see the audit log
};
HttpResponse framed(unsigned status, const Frame& frame, std::string content);

// A page that says one thing, and what mends it where there is something.
HttpResponse message_page(unsigned status, const std::string& what, const std::string& hint);

}  // namespace aphex::server
