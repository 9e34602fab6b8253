#include "aws/sigv4.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "aws/dates.hpp"
#include "aws/uri.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"

namespace aphex::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// Headers that a proxy or the transport may change on the way.
constexpr std::array<std::string_view, 6> kNotSigned = {
    "authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"};

std::string_view as_view(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Outer blanks removed, inner runs of blanks (folded lines too) made one space.
std::string collapse_blanks(std::string_view value) {
  std::string out;
  for (const char c : trim(value)) {
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!blank) {
      out += c;
    } else if (!out.ends_with(' ')) {
      out += ' ';
    }
  }
  return out;
}

// Lower-case names, sorted; several values of one name joined by commas in their order.
using CanonicalHeaders = std::map<std::string, std::string>;

CanonicalHeaders canonical_headers(const Headers& headers) {
  CanonicalHeaders out;
  for (const auto& [name, value] : headers) {
    const std::string lower = to_lower(trim(name));
    if (std::find(kNotSigned.begin(), kNotSigned.end(), lower) != kNotSigned.end()) continue;
    const auto [at, is_new] = out.emplace(lower, collapse_blanks(value));
    if (!is_new) at->second += "," + collapse_blanks(value);
  }
  return out;
}

std::string signed_names(const CanonicalHeaders& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    if (!out.empty()) out += ';';
    out += name;
  }
  return out;
}

std::string canonical_query(QueryParameters parameters) {
  for (auto& [name, value] : parameters) {
    name = uri_encode(name);
    value = uri_encode(value);
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    out += value;
  }
  return out;
}

std::string canonical_path(std::string_view path, PathSigning signing) {
  switch (signing) {
    case PathSigning::normalized:
      return uri_encode(normalize_path(path), Slashes::keep);
    case PathSigning::as_sent:
      return std::string(path);
  }
  return std::string(path);
}

std::string payload_hash(const HttpRequest& request, const SigningParameters& parameters) {
  return parameters.payload_hash.empty() ? sha256_hex(request.body) : parameters.payload_hash;
}

std::string scope_of(const SigningParameters& parameters) {
  return signing_time(parameters.time).substr(0, 8) + "/" + parameters.region + "/" +
         parameters.service + "/aws4_request";
}

struct CanonicalParts {
  std::string method;
  Url url;
  QueryParameters query;
  CanonicalHeaders headers;
  std::string hash;
};

Signature compute(const CanonicalParts& parts, const std::string& secret,
                  const SigningParameters& parameters) {
  Signature out;
  out.canonical_request = parts.method + "\n" + canonical_path(parts.url.path, parameters.path) +
                          "\n" + canonical_query(parts.query) + "\n";
  for (const auto& [name, value] : parts.headers) {
    out.canonical_request += name;
    out.canonical_request += ':';
    out.canonical_request += value;
    out.canonical_request += '\n';
  }
  out.canonical_request += "\n" + signed_names(parts.headers) + "\n" + parts.hash;

  const std::string time = signing_time(parameters.time);
  out.string_to_sign = std::string(kAlgorithm) + "\n" + time + "\n" + scope_of(parameters) + "\n" +
                       sha256_hex(out.canonical_request);

  const Sha256Digest day = hmac_sha256("AWS4" + secret, time.substr(0, 8));
  const Sha256Digest region = hmac_sha256(as_view(day), parameters.region);
  const Sha256Digest service = hmac_sha256(as_view(region), parameters.service);
  const Sha256Digest key = hmac_sha256(as_view(service), "aws4_request");
  out.hex = to_hex(hmac_sha256(as_view(key), out.string_to_sign));
  return out;
}

void drop_header(Headers& headers, std::string_view lower_name) {
  std::erase_if(headers, [&](const auto& header) { return to_lower(header.first) == lower_name; });
}

bool has_header(const Headers& headers, std::string_view lower_name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& header) { return to_lower(header.first) == lower_name; });
}

}  // namespace

Result<Signature> sign_headers(HttpRequest& request, const Credentials& credentials,
                               const SigningParameters& parameters) {
  APHEX_TRY(Url url, parse_url(request.url));
  const std::string hash = payload_hash(request, parameters);
  for (const std::string_view name :
       {"x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "authorization"}) {
    drop_header(request.headers, name);  // of an earlier attempt
  }
  if (!has_header(request.headers, "host")) request.headers.emplace_back("Host", url.authority);
  request.headers.emplace_back("X-Amz-Date", signing_time(parameters.time));
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  if (parameters.payload_header == PayloadHeader::send) {
    request.headers.emplace_back("X-Amz-Content-Sha256", hash);
  }
  const CanonicalParts parts{.method = request.method,
                             .url = url,
                             .query = parse_query(url.query),
                             .headers = canonical_headers(request.headers),
                             .hash = hash};
  Signature signature = compute(parts, credentials.secret_access_key, parameters);
  request.headers.emplace_back(
      "Authorization", std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" +
                           scope_of(parameters) + ", SignedHeaders=" + signed_names(parts.headers) +
                           ", Signature=" + signature.hex);
  return signature;
}

Result<PresignedUrl> presign_url(const HttpRequest& request, const Credentials& credentials,
                                 const SigningParameters& parameters,
                                 std::chrono::seconds lifetime) {
  APHEX_TRY(const Url url, parse_url(request.url));
  Headers headers = request.headers;
  if (!has_header(headers, "host")) headers.emplace_back("Host", url.authority);
  CanonicalParts parts{.method = request.method,
                       .url = url,
                       .query = parse_query(url.query),
                       .headers = canonical_headers(headers),
                       .hash = payload_hash(request, parameters)};
  parts.query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  parts.query.emplace_back("X-Amz-Credential",
                           credentials.access_key_id + "/" + scope_of(parameters));
  parts.query.emplace_back("X-Amz-Date", signing_time(parameters.time));
  parts.query.emplace_back("X-Amz-Expires", std::to_string(lifetime.count()));
  if (!credentials.session_token.empty()) {
    parts.query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  parts.query.emplace_back("X-Amz-SignedHeaders", signed_names(parts.headers));
  PresignedUrl out;
  out.signature = compute(parts, credentials.secret_access_key, parameters);
  out.url = url.origin() + url.path + "?" + encode_query(parts.query) +
            "&X-Amz-Signature=" + out.signature.hex;
  return out;
}

}  // namespace aphex::aws
