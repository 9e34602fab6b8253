#include "server/http/page_of.hpp"

#include <charconv>

#include <fmt/format.h>

#include "aws/uri.hpp"
#include "base/sha256.hpp"

namespace aphex::server {
namespace {

// What a cursor says before it is made opaque, so that one of another version is no number.
constexpr std::string_view kBefore = "v1:before:";

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

std::optional<std::int64_t> read_cursor(const std::string& cursor) {
  const auto text = from_base64(cursor);
  if (!text || !text->starts_with(kBefore)) return std::nullopt;
  return number(std::string_view(*text).substr(kBefore.size()));
}

}  // namespace

std::optional<std::string> query_value(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : aws::parse_query(request.query)) {
    if (key == name && !value.empty()) return value;
  }
  return std::nullopt;
}

Result<PageRequest> page_of(const HttpRequest& request) {
  PageRequest page;
  if (const auto text = query_value(request, "limit")) {
    const auto limit = number(*text);
    if (!limit || *limit > kMostListed) {
      return fail(ErrorCode::usage,
                  fmt::format("limit is a number from 1 to {}, not '{}'", kMostListed, *text));
    }
    page.limit = static_cast<int>(*limit);
  }
  if (const auto cursor = query_value(request, "cursor")) {
    page.before = read_cursor(*cursor);
    if (!page.before) {
      return fail(ErrorCode::usage, "the cursor is none of this server's",
                  "take the whole address from the header Link of the page before");
    }
  }
  return page;
}

void link_next(HttpResponse& response, const HttpRequest& request, std::int64_t last) {
  aws::QueryParameters query;
  for (auto& [name, value] : aws::parse_query(request.query)) {
    if (name != "cursor") query.emplace_back(name, value);
  }
  query.emplace_back("cursor", to_base64(fmt::format("{}{}", kBefore, last)));
  response.headers.emplace_back(
      "Link", fmt::format("<{}?{}>; rel=\"next\"", request.path, aws::encode_query(query)));
}

}  // namespace aphex::server
