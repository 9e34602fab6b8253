#pragma once
// URLs as signing needs them: split without losing a byte, percent-encoded as RFC 3986 and SigV4
// ask (every byte but A-Z a-z 0-9 - . _ ~, upper-case hexadecimal).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace aphex::aws {

enum class Slashes { encode, keep };
std::string uri_encode(std::string_view text, Slashes slashes = Slashes::encode);
// Sequences that are not %XX stay as they are; '+' stays '+'.
std::string uri_decode(std::string_view text);

struct Url {
  std::string scheme;     // "http" or "https"
  std::string authority;  // host[:port], as the Host header sends it
  std::string host;       // without the port and without the brackets of an IPv6 address
  std::string path;       // as sent, "/" at least
  std::string query;      // as sent, without '?'

  std::string origin() const { return scheme + "://" + authority; }
};
// Absolute http(s) URLs without user information. The error never quotes the URL: it may be signed.
Result<Url> parse_url(std::string_view url);

// "localhost", 127.0.0.0/8 or ::1.
bool is_loopback(std::string_view host);

using QueryParameters = std::vector<std::pair<std::string, std::string>>;
// Decoded names and values, in the order of the text.
QueryParameters parse_query(std::string_view query);
// name=value&…, encoded; also the body of the query protocol.
std::string encode_query(const QueryParameters& parameters);

// "." and ".." resolved, "//" merged (RFC 3986, 5.2.4, as SigV4 outside S3 asks).
std::string normalize_path(std::string_view path);

}  // namespace aphex::aws
