#pragma once
// Addresses of clients and proxies, as text.

#include <optional>
#include <string>
#include <string_view>

namespace aphex::server {

// An IP address in the one form that it is compared in; nothing where it is none. An IPv4 address
// that came mapped into IPv6 is the IPv4 address.
std::optional<std::string> canonical_address(std::string_view text);

// What is counted as one client: an IPv4 address, or the /64 network of an IPv6 address.
std::string client_network(std::string_view address);

// "localhost" or a canonical address of this machine alone. Not a name that merely begins so.
bool is_loopback_host(std::string_view host);

// The host of a Host header or of "host:port", lower-case, without port and brackets; empty where
// it is malformed.
std::string host_of(std::string_view authority);

}  // namespace aphex::server
