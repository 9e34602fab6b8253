#include "server/routes.hpp"

#include <array>

#include <fmt/format.h>

#include "server/json_answer.hpp"
#include "server/webhook_endpoint.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kSmallBody = 64U << 10U;

std::array<std::span<const Route>, 5> tables() {
  return {page_routes(), api_routes(), webhook_routes(), notification_routes(), operation_routes()};
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

HttpResponse answer(Site& site, const HttpRequest& request) {
  std::string methods;
  std::vector<std::string> parts;
  for (const std::span<const Route> table : tables()) {
    for (const Route& route : table) {
      if (!fits(route, request.path, parts)) continue;
      if (route.method == request.method) {
        return route.answer({site, request, {"local", Access::admin}, std::move(parts)});
      }
      methods += (methods.empty() ? "" : ", ") + std::string(route.method);
    }
  }
  if (methods.empty()) return problem(404, "there is nothing at " + request.path);
  HttpResponse response =
      problem(405, fmt::format("{} takes {}, not {}", request.path, methods, request.method));
  response.headers.emplace_back("Allow", methods);
  return response;
}

std::size_t max_body_bytes(std::string_view path) {
  return path == kWebhookPath ? kMaxPayloadBytes : kSmallBody;
}

}  // namespace aphex::server
