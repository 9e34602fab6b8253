#pragma once
// One thing that the server answers. Each group of routes is a table in a file of its own;
// routes.cpp lists the tables.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/http_server.hpp"
#include "server/site.hpp"

namespace aphex::server {

// What a route asks of its caller. Each includes those before it.
enum class Access {
  open,     // anybody: a webhook brings its own signature, a health check says nothing
  read,     // pages, logs, lists
  run,      // starts, cancels and goes on with runs
  approve,  // lets a deployment through
  admin,    // tokens and the audit log
};

struct Caller {
  std::string name;  // of the token; "local" on a server without tokens
  Access access = Access::open;
};

struct Exchange {
  Site& site;
  const HttpRequest& request;
  Caller caller;
  // What stands in place of each {} of the route's path, and of a final *; not decoded.
  std::vector<std::string> parts;
};

struct Route {
  std::string_view method;
  std::string_view path;  // "/runs/{}/logs/*": {} is one segment, * all that is left
  Access access;
  HttpResponse (*answer)(const Exchange&);
};

// Whether `path` is the route's, and then its parts.
bool fits(const Route& route, std::string_view path, std::vector<std::string>& parts);

std::span<const Route> page_routes();          // for people
std::span<const Route> api_routes();           // /api/v1, for programs
std::span<const Route> webhook_routes();       // for GitHub
std::span<const Route> notification_routes();  // what was told, and what could not be
std::span<const Route> operation_routes();     // health and metrics

}  // namespace aphex::server
