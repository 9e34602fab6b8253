#include "server/http/json_answer.hpp"

#include <algorithm>
#include <array>

namespace aphex::server {
namespace {

struct Title {
  unsigned status;
  std::string_view text;
};
// RFC 9110, section 15, and RFC 6585.
constexpr std::array kTitles{Title{400, "Bad Request"},
                             Title{401, "Unauthorized"},
                             Title{403, "Forbidden"},
                             Title{404, "Not Found"},
                             Title{405, "Method Not Allowed"},
                             Title{409, "Conflict"},
                             Title{415, "Unsupported Media Type"},
                             Title{416, "Range Not Satisfiable"},
                             Title{422, "Unprocessable Content"},
                             Title{429, "Too Many Requests"},
                             Title{500, "Internal Server Error"},
                             Title{503, "Service Unavailable"}};

std::string_view title_of(unsigned status) {
  const auto* const found = std::find_if(
      kTitles.begin(), kTitles.end(), [&](const Title& title) { return title.status == status; });
  return found == kTitles.end() ? std::string_view("Error") : found->text;
}

}  // namespace

HttpResponse json_answer(unsigned status, const doc::Value& value) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = doc::to_json(value) + "\n";
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  return response;
}

HttpResponse problem(unsigned status, const std::string& detail, const std::string& hint) {
  doc::Value value = doc::Value::object({{"type", "about:blank"},
                                         {"title", title_of(status)},
                                         {"status", std::int64_t{status}},
                                         {"detail", detail}});
  if (!hint.empty()) value.set("hint", hint);
  HttpResponse response = json_answer(status, value);
  response.content_type = "application/problem+json";
  return response;
}

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
    case ErrorCode::invalid_config:
      return 400;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::permission:
      return 403;
    case ErrorCode::already_exists:
      return 409;
    case ErrorCode::internal:
      return 500;
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::cancelled:
    case ErrorCode::command_failed:
    case ErrorCode::deploy_failed:
    case ErrorCode::corrupt:
    case ErrorCode::unsupported:
    case ErrorCode::io:
      return 503;
  }
  return 503;
}

HttpResponse problem_of(const Error& error) {
  return problem(status_of(error.code), describe(error), error.hint);
}

}  // namespace aphex::server
