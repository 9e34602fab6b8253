#include "server/routes.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"
#include "server/access/admission.hpp"
#include "server/access/stream_guard.hpp"
#include "server/http/file_answer.hpp"
#include "server/http/html.hpp"
#include "server/http/json_answer.hpp"
#include "server/webhook/webhook_endpoint.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kSmallBody = 64U << 10U;
constexpr std::size_t kTagDigits = 32;

std::array<std::span<const Route>, 16> tables() {
  return {asset_routes(),  overview_routes(), pipeline_routes(),     run_routes(),
          log_routes(),    artifact_routes(), activity_routes(),     event_routes(),
          api_routes(),    run_api_routes(),  action_routes(),       approval_routes(),
          access_routes(), webhook_routes(),  notification_routes(), operation_routes()};
}

struct Found {
  const Route* route = nullptr;
  std::vector<std::string> parts;
  std::string methods;  // that the path takes, where it is not this one
};

Found find(const HttpRequest& request) {
  Found found;
  for (const std::span<const Route> table : tables()) {
    for (const Route& route : table) {
      if (!fits(route, request.path, found.parts)) continue;
      if (route.method == request.method) {
        found.route = &route;
        return found;
      }
      found.methods += (found.methods.empty() ? "" : ", ") + std::string(route.method);
    }
  }
  return found;
}

HttpResponse nothing_for(const HttpRequest& request, const std::string& methods) {
  const auto say = [&](unsigned status, const std::string& what) {
    return is_for_programs(request.path) ? problem(status, what) : message_page(status, what, "");
  };
  if (methods.empty()) return say(404, "there is nothing at " + request.path);
  HttpResponse response =
      say(405, fmt::format("{} takes {}, not {}", request.path, methods, request.method));
  response.headers.emplace_back("Allow", methods);
  return response;
}

AuditResult result_of(unsigned status) {
  if (status < 400) return AuditResult::done;
  return status == 401 || status == 403 || status == 429 ? AuditResult::refused
                                                         : AuditResult::failed;
}

// An action is recorded whatever became of it. One that was done and could not be recorded says so.
void record(Site& site, const Found& found, const Exchange& exchange, HttpResponse& response) {
  const Route& route = *found.route;
  AuditEntry entry;
  entry.who = exchange.caller.name.empty() ? exchange.note.who : exchange.caller.name;
  entry.client = exchange.peer.client;
  entry.result = result_of(response.status);
  // Who only looks is recorded where the token that they show is none.
  const bool looks =
      route.action.empty() && (route.method == "GET" || route.access == Access::open);
  if (looks && (entry.result != AuditResult::refused || !entry.who.empty() ||
                exchange.request.header("Authorization").empty())) {
    return;
  }
  // Nobody fills the log and the disk by asking.
  if (entry.who.empty() && site.gate.records().attempt(entry.client)) return;
  entry.action = looks                  ? "token.use"
                 : route.action.empty() ? fmt::format("{} {}", route.method, route.path)
                                        : std::string(route.action);
  entry.object = exchange.note.object.empty() ? exchange.request.path : exchange.note.object;
  entry.detail = exchange.note.detail;
  const Status added = site.audit.add(entry);
  if (added || entry.result != AuditResult::done) return;
  response = problem(
      503, "this was done, but could not be recorded in the audit log: " + describe(added.error()));
}

// Who has the same already is told so (RFC 9110, section 13). Of whole answers of the API; files
// have tags of their own.
void answer_conditionally(const HttpRequest& request, HttpResponse& response) {
  const bool whole = response.status == 200 && request.method == "GET" &&
                     request.path.starts_with("/api/") && !response.body.empty();
  if (!whole) return;
  const bool tagged = std::any_of(response.headers.begin(), response.headers.end(),
                                  [](const auto& each) { return each.first == "ETag"; });
  if (tagged) return;
  const std::string tag = "\"" + sha256_hex(response.body).substr(0, kTagDigits) + "\"";
  response.headers.emplace_back("ETag", tag);
  if (!tag_fits(request.header("If-None-Match"), tag)) return;
  response.status = 304;
  response.body.clear();
}

// Whatever a value is made of, it is one line: nothing adds a header to an answer.
void finish(HttpResponse& response) {
  for (auto& [name, value] : response.headers)
    std::erase_if(value, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
}

HttpResponse answer_route(Site& site, const HttpRequest& request, Found& found) {
  AuditNote note;
  Peer peer = peer_of(site.config, request);
  std::variant<Caller, Refusal> admitted = admit(site, *found.route, request, peer);
  if (const auto* refusal = std::get_if<Refusal>(&admitted)) {
    note.detail = refusal->why;
    const Exchange exchange{site, request, std::move(peer), {refusal->who, Access::open, {}, {}},
                            note, {}};
    HttpResponse response = answer_of(*refusal, request);
    // A redirection to the login page is a refusal, too.
    HttpResponse as_refused;
    as_refused.status = refusal->status;
    record(site, found, exchange, as_refused);
    return response;
  }
  const Exchange exchange{site,
                          request,
                          std::move(peer),
                          std::get<Caller>(std::move(admitted)),
                          note,
                          std::move(found.parts)};
  HttpResponse response = found.route->answer(exchange);
  record(site, found, exchange, response);
  // What may go on for hours: a file that is downloaded has a length.
  if (response.source != nullptr && !response.source_bytes) {
    response.source = site.streams.guard(std::move(response.source), exchange.caller.credential);
  }
  return response;
}

}  // namespace

bool fits(const Route& route, std::string_view path, std::vector<std::string>& parts) {
  parts.clear();
  std::string_view wanted = route.path;
  while (!wanted.empty()) {
    if (wanted == "*") {
      parts.emplace_back(path);
      return !path.empty();
    }
    if (wanted.starts_with("{}")) {
      const std::string_view part = path.substr(0, path.find('/'));
      if (part.empty()) return false;
      parts.emplace_back(part);
      wanted.remove_prefix(2);
      path.remove_prefix(part.size());
      continue;
    }
    if (path.empty() || path.front() != wanted.front()) return false;
    wanted.remove_prefix(1);
    path.remove_prefix(1);
  }
  return path.empty();
}

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  for (const std::span<const Route> table : tables())
    routes.insert(routes.end(), table.begin(), table.end());
  return routes;
}

HttpResponse answer(Site& site, const HttpRequest& request) {
  const auto begun = std::chrono::steady_clock::now();
  Found found = find(request);
  HttpResponse response = found.route == nullptr ? nothing_for(request, found.methods)
                                                 : answer_route(site, request, found);
  answer_conditionally(request, response);
  finish(response);
  // A method or an address that we do not know is anybody's to invent, and counted as one.
  site.requests.add({.method = found.route == nullptr ? "none" : found.route->method,
                     .route = found.route == nullptr ? "" : found.route->path,
                     .status = response.status,
                     .took = std::chrono::steady_clock::now() - begun});
  return response;
}

Status note_refused(Site& site, HttpRequest request, const HttpResponse& response) {
  site.requests.add({.method = "none", .route = "", .status = response.status, .took = {}});
  if (request.path != kWebhookPath) return {};
  // Behind a trusted proxy, who it says.
  request.client = peer_of(site.config, request).client;
  return record_unread(site, request, response);
}

std::size_t max_body_bytes(std::string_view path) {
  return path == kWebhookPath ? kMaxPayloadBytes : kSmallBody;
}

}  // namespace aphex::server
