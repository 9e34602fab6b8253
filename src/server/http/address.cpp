#include "server/http/address.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>

#include "base/text.hpp"

namespace aphex::server {
namespace {

constexpr std::size_t kV6Bytes = 16;
constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string text_of(int family, const void* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, bytes, text.data(), text.size()) == nullptr ? "" : text.data();
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

}  // namespace

std::optional<std::string> canonical_address(std::string_view text) {
  const std::string name(text);
  std::array<unsigned char, kV6Bytes> bytes{};
  if (::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1) return text_of(AF_INET, bytes.data());
  if (::inet_pton(AF_INET6, name.c_str(), bytes.data()) != 1) return std::nullopt;
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin()))
    return text_of(AF_INET, bytes.data() + kMapped.size());
  return text_of(AF_INET6, bytes.data());
}

std::string client_network(std::string_view address) {
  std::array<unsigned char, kV6Bytes> bytes{};
  if (::inet_pton(AF_INET6, std::string(address).c_str(), bytes.data()) != 1)
    return std::string(address);
  constexpr std::size_t kNetworkBytes = 8;
  std::fill(bytes.begin() + kNetworkBytes, bytes.end(), static_cast<unsigned char>(0));
  return text_of(AF_INET6, bytes.data()) + "/64";
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost") return true;
  const auto address = canonical_address(host);
  return address && (*address == "::1" || address->starts_with("127."));
}

std::string host_of(std::string_view authority) {
  std::string_view host = authority;
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
    const auto address = canonical_address(host);
    if (!address || (!port.empty() && !port.starts_with(':'))) return {};
    return *address;
  }
  const std::size_t colon = host.find(':');
  if (colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  const bool digits =
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  const std::string lower = to_lower(host);
  if (!digits || !std::all_of(lower.begin(), lower.end(), is_host_character)) return {};
  return lower;
}

}  // namespace aphex::server
