#pragma once
// Lists of the API in pages: how many, from where on, and the way to the next page.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "server/http/http_server.hpp"

namespace aphex::server {

inline constexpr int kListed = 100;
inline constexpr int kMostListed = 1000;

// Of the query of a request: ?limit=20&cursor=….
struct PageRequest {
  int limit = kListed;
  std::optional<std::int64_t> before;  // entries with a smaller number follow
};

// usage: a limit that is no number from 1 to 1000, a cursor that this server has not made.
Result<PageRequest> page_of(const HttpRequest& request);

// Link: <…>; rel="next", with the query of the request and a cursor behind the entry `last`.
void link_next(HttpResponse& response, const HttpRequest& request, std::int64_t last);

// Of rows that were asked for with one more than the limit: drops that one. Whether it was there.
template <typename Row>
bool cut(std::vector<Row>& rows, int limit) {
  if (rows.size() <= static_cast<std::size_t>(limit)) return false;
  rows.resize(static_cast<std::size_t>(limit));
  return true;
}

// One decoded parameter of the query; nothing where it is missing or empty.
std::optional<std::string> query_value(const HttpRequest& request, std::string_view name);

}  // namespace aphex::server
