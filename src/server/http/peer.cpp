#include "server/http/peer.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "server/http/address.hpp"

namespace aphex::server {
namespace {

// Proxies stand in a row of at most so many; more is made up.
constexpr std::size_t kMostProxies = 32;

std::vector<std::string> all_of_header(const HttpRequest& request, std::string_view name) {
  std::vector<std::string> values;
  const std::string wanted = to_lower(name);
  for (const auto& [key, value] : request.headers) {
    if (to_lower(key) == wanted) values.push_back(value);
  }
  return values;
}

bool has_header(const HttpRequest& request, std::string_view name) {
  return !all_of_header(request, name).empty();
}

// The last of a list, which the nearest proxy has written.
std::string last_of(const HttpRequest& request, std::string_view name) {
  const std::vector<std::string> values = all_of_header(request, name);
  if (values.empty()) return {};
  const std::vector<std::string> parts = split(values.back(), ',');
  return std::string(trim(parts.back()));
}

bool is_trusted(const ServerConfig& config, const std::string& address) {
  return std::find(config.trusted_proxies.begin(), config.trusted_proxies.end(), address) !=
         config.trusted_proxies.end();
}

// From the nearest: the first that is no trusted proxy. What stands before it anybody can write.
// What is no address ends the row: the proxy that wrote it is the last that we know of.
std::string forwarded_client(const ServerConfig& config, const HttpRequest& request,
                             const std::string& nearest) {
  std::vector<std::string> row;
  for (const std::string& value : all_of_header(request, "X-Forwarded-For")) {
    for (const std::string& part : split(value, ','))
      row.emplace_back(trim(part));
  }
  std::string client = nearest;
  std::size_t looked = 0;
  while (!row.empty() && is_trusted(config, client) && ++looked <= kMostProxies) {
    const auto address = canonical_address(row.back());
    if (!address) break;
    client = *address;
    row.pop_back();
  }
  return client;
}

// scheme://host:port, so that what is the same is written the same.
std::string full_origin(std::string_view scheme, std::string_view authority) {
  const std::string lower = to_lower(authority);
  const std::size_t bracket = lower.rfind(']');
  const std::size_t colon = lower.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  return to_lower(scheme) + "://" + lower +
         (has_port ? "" : (to_lower(scheme) == "https" ? ":443" : ":80"));
}

std::string full_origin(std::string_view origin) {
  const std::size_t mark = origin.find("://");
  if (mark == std::string_view::npos) return {};
  return full_origin(origin.substr(0, mark), origin.substr(mark + 3));
}

}  // namespace

Peer peer_of(const ServerConfig& config, const HttpRequest& request) {
  Peer peer;
  peer.client = canonical_address(request.client).value_or(request.client);
  peer.scheme = config.tls ? "https" : "http";
  const std::vector<std::string> hosts = all_of_header(request, "Host");
  if (hosts.size() == 1) peer.authority = hosts.front();
  if (!is_trusted(config, peer.client)) {
    peer.forwarded = has_header(request, "X-Forwarded-For") || has_header(request, "Forwarded") ||
                     has_header(request, "X-Real-IP") || has_header(request, "X-Forwarded-Host");
    return peer;
  }
  const std::string nearest = peer.client;
  peer.client = forwarded_client(config, request, nearest);
  // A proxy that names nobody passes on whom it likes.
  peer.forwarded = peer.client == nearest;
  if (const std::string scheme = to_lower(last_of(request, "X-Forwarded-Proto"));
      scheme == "https" || scheme == "http") {
    peer.scheme = scheme;
  }
  if (const std::string host = last_of(request, "X-Forwarded-Host"); !host_of(host).empty())
    peer.authority = host;
  return peer;
}

Origin origin_of(const ServerConfig& config, const HttpRequest& request, const Peer& peer) {
  const std::string site = to_lower(request.header("Sec-Fetch-Site"));
  const std::string origin = request.header("Origin");
  if (!site.empty() && site != "same-origin" && site != "none") return Origin::cross;
  if (!origin.empty()) {
    const std::string from = full_origin(origin);
    const bool ours =
        !from.empty() &&
        ((!peer.authority.empty() && from == full_origin(peer.scheme, peer.authority)) ||
         (!config.public_url.empty() && from == full_origin(config.public_url)));
    return ours ? Origin::same : Origin::cross;
  }
  return site == "same-origin" ? Origin::same : Origin::unknown;
}

bool is_own_name(const ServerConfig& config, const Peer& peer) {
  const std::string host = host_of(peer.authority);
  if (host.empty()) return false;
  if (is_loopback_host(host)) return true;
  if (config.public_url.empty()) return false;
  return host == host_of(config.public_url.substr(config.public_url.find("://") + 3));
}

}  // namespace aphex::server
