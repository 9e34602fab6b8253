#pragma once
// What stands behind the '?' of an address (url.spec.whatwg.org,
// application/x-www-form-urlencoded).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aphex::server {

std::string percent_decode(std::string_view text);  // a bad escape stays as it is
std::string percent_encode(std::string_view text);  // letters, digits and -._~ stay

class Query {
 public:
  Query() = default;
  explicit Query(std::string_view text);

  std::string get(std::string_view name) const;  // the first; empty where there is none
  std::optional<std::int64_t> number(std::string_view name) const;  // not below 0
  // A copy with this value; without it where it is empty.
  Query with(std::string_view name, std::string value) const;
  // "?a=b&c=d", or nothing.
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// A whole number, and nothing else, of text.
std::optional<std::int64_t> number_of(std::string_view text);

}  // namespace aphex::server
