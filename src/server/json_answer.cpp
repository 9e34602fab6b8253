#include "server/json_answer.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "os/clock.hpp"

namespace aphex::server {
namespace {

constexpr int kListed = 100;
constexpr int kMostListed = 1000;

}  // namespace

int limit_of(const HttpRequest& request) {
  for (const std::string& part : split(request.query, '&')) {
    if (!part.starts_with("limit=")) continue;
    int limit = 0;
    const char* begin = part.data() + sizeof("limit=") - 1;
    const char* end = part.data() + part.size();
    if (std::from_chars(begin, end, limit).ptr == end && limit > 0)
      return std::min(limit, kMostListed);
  }
  return kListed;
}

doc::Value time_or_null(const std::optional<store::Millis>& time) {
  if (!time) return {};
  return os::format_time(os::WallTime(std::chrono::milliseconds(*time)));
}

HttpResponse json_answer(unsigned status, const doc::Value& value) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = doc::to_json(value) + "\n";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

HttpResponse problem(unsigned status, const std::string& message) {
  return json_answer(status, doc::Value::object({{"error", message}}));
}

}  // namespace aphex::server
