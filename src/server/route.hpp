#pragma once
// One thing that the server answers. Each group of routes is a table in a file of its own;
// routes.cpp lists the tables.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/access_store.hpp"
#include "server/http/http_server.hpp"
#include "server/http/peer.hpp"
#include "server/site.hpp"

namespace aphex::server {

struct Caller {
  std::string name;  // of the token; "local" on a server without tokens; empty: nobody that we know
  Access access = Access::open;
  // Goes into the field form_token of each form; empty where the caller is a program.
  std::string form_token;
  Credential credential = {};
};

// What the audit log says of a request beyond its route, set by the handler.
struct AuditNote {
  std::string who;     // of a caller who becomes known by this: who logs in
  std::string object;  // "run 12"
  std::string detail;
};

struct Exchange {
  Site& site;
  const HttpRequest& request;
  Peer peer;
  Caller caller;
  AuditNote& note;
  // What stands in place of each {} of the route's path, and of a final *; not decoded.
  std::vector<std::string> parts;
};

struct Route {
  std::string_view method;
  std::string_view path;  // "/runs/{}/logs/*": {} is one segment, * all that is left
  Access access;
  HttpResponse (*answer)(const Exchange&);
  // As the audit log names it: "run.cancel"; empty: only looks.
  std::string_view action = {};
};

// Whether `path` is the route's, and then its parts.
bool fits(const Route& route, std::string_view path, std::vector<std::string>& parts);

std::span<const Route> asset_routes();  // the pages' own files; all below are pages
std::span<const Route> overview_routes();
std::span<const Route> pipeline_routes();
std::span<const Route> run_routes();
std::span<const Route> log_routes();
std::span<const Route> artifact_routes();
std::span<const Route> activity_routes();      // queue and deliveries
std::span<const Route> event_routes();         // what open pages are told
std::span<const Route> api_routes();           // /api/v1, for programs: lists and documents
std::span<const Route> run_api_routes();       // /api/v1: runs and what belongs to them
std::span<const Route> action_routes();        // what starts, ends and decides: API and forms
std::span<const Route> approval_routes();      // what runs ask people
std::span<const Route> notification_routes();  // what people were told
std::span<const Route> access_routes();        // login, tokens, the audit log
std::span<const Route> webhook_routes();       // for GitHub
std::span<const Route> operation_routes();     // health and metrics

// All of them.
std::vector<Route> all_routes();

}  // namespace aphex::server
