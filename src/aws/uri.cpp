#include "aws/uri.hpp"

#include <cctype>

#include "base/text.hpp"

namespace aphex::aws {
namespace {

bool is_unreserved(unsigned char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    return close == std::string_view::npos ? std::string()
                                           : std::string(authority.substr(1, close - 1));
  }
  return std::string(authority.substr(0, authority.find(':')));
}

}  // namespace

std::string uri_encode(std::string_view text, Slashes slashes) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(byte) || (c == '/' && slashes == Slashes::keep)) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

std::string uri_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                        hex_value(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Result<Url> parse_url(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) {
    return fail(ErrorCode::usage, "an address does not begin with http:// or https://");
  }
  Url out;
  out.scheme = to_lower(url.substr(0, colon));
  if (out.scheme != "http" && out.scheme != "https") {
    return fail(ErrorCode::usage, "an address does not begin with http:// or https://");
  }
  url.remove_prefix(colon + 3);
  url = url.substr(0, url.find('#'));
  const std::size_t end = url.find_first_of("/?");
  out.authority = std::string(url.substr(0, end));
  out.host = host_of(out.authority);
  if (out.host.empty() || out.authority.find('@') != std::string::npos) {
    return fail(ErrorCode::usage, "an address names no host, or carries a user name");
  }
  url = end == std::string_view::npos ? std::string_view() : url.substr(end);
  const std::size_t question = url.find('?');
  out.path = std::string(url.substr(0, question));
  if (question != std::string_view::npos) out.query = std::string(url.substr(question + 1));
  if (out.path.empty()) out.path = "/";
  return out;
}

bool is_loopback(std::string_view host) {
  if (to_lower(host) == "localhost" || host == "::1") return true;
  // An address, not a name that begins like one.
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

QueryParameters parse_query(std::string_view query) {
  QueryParameters out;
  if (query.empty()) return out;
  for (const std::string& part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string name = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    out.emplace_back(uri_decode(name), uri_decode(value));
  }
  return out;
}

std::string encode_query(const QueryParameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += uri_encode(name) + "=" + uri_encode(value);
  }
  return out;
}

std::string normalize_path(std::string_view path) {
  std::vector<std::string> kept;
  const std::vector<std::string> segments = split(path, '/');
  for (const std::string& segment : segments) {
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
  }
  std::string out = "/" + join(kept, "/");
  const std::string& last = segments.back();
  const bool directory = last.empty() || last == "." || last == "..";
  if (directory && out.size() > 1) out += '/';
  return out;
}

}  // namespace aphex::aws
