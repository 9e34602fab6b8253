#include "server/http/peer.hpp"

#include <gtest/gtest.h>

#include "server/http/address.hpp"

namespace aphex::server {
namespace {

HttpRequest request_from(const std::string& client,
                         std::vector<std::pair<std::string, std::string>> headers) {
  HttpRequest request;
  request.method = "POST";
  request.client = client;
  request.headers = std::move(headers);
  return request;
}

TEST(Address, HasOneFormToBeComparedIn) {
  EXPECT_EQ(canonical_address("0:0:0:0:0:0:0:1"), "::1");
  EXPECT_EQ(canonical_address("::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(canonical_address("2001:DB8::A"), "2001:db8::a");
  for (const char* none : {"", "10.0.0", "10.0.0.1:80", "010.0.0.1", "a", "1.2.3.4 ", "::1%lo"})
    EXPECT_EQ(canonical_address(none), std::nullopt) << none;
}

TEST(Address, CountsANetworkOfIpv6AsOneClient) {
  EXPECT_EQ(client_network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(client_network("2001:db8:1:2::9"), client_network("2001:db8:1:2:3:4:5:6"));
  EXPECT_EQ(client_network("192.0.2.7"), "192.0.2.7");
}

TEST(Address, TakesTheHostOfAnAuthority) {
  EXPECT_EQ(host_of("Example.COM:8080"), "example.com");
  EXPECT_EQ(host_of("[::1]:80"), "::1");
  EXPECT_EQ(host_of("localhost"), "localhost");
  for (const char* none : {"", "[::1].evil.example", "a:b", "user@host", "a/b", "[x]", "a b"})
    EXPECT_EQ(host_of(none), "") << none;
}

TEST(Address, KnowsLoopbackFromWhatBeginsLikeIt) {
  for (const char* own : {"localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback_host(own)) << own;
  for (const char* other : {"127.evil.example", "localhost.evil.example", "128.0.0.1", "", "::2"})
    EXPECT_FALSE(is_loopback_host(other)) << other;
}

TEST(Peer, IsWhoAnUntrustedConnectionIsFromWhateverItSays) {
  const Peer peer = peer_of({}, request_from("192.0.2.1", {{"Host", "a.example"},
                                                           {"X-Forwarded-For", "10.0.0.1"},
                                                           {"X-Forwarded-Proto", "https"},
                                                           {"X-Forwarded-Host", "b.example"}}));
  EXPECT_EQ(peer.client, "192.0.2.1");
  EXPECT_EQ(peer.scheme, "http");
  EXPECT_EQ(peer.authority, "a.example");
  EXPECT_TRUE(peer.forwarded);
}

TEST(Peer, IsTheFirstThatNoTrustedProxyIs) {
  ServerConfig config;
  config.trusted_proxies = {"127.0.0.1", "10.0.0.2"};
  const Peer peer = peer_of(
      config, request_from("::ffff:127.0.0.1", {{"Host", "127.0.0.1:8737"},
                                                {"X-Forwarded-For", "6.6.6.6, 192.0.2.9"},
                                                {"X-Forwarded-For", "10.0.0.2"},
                                                {"X-Forwarded-Proto", "http, https"},
                                                {"X-Forwarded-Host", "aphex.example.com"}}));
  EXPECT_EQ(peer.client, "192.0.2.9");
  EXPECT_EQ(peer.scheme, "https");
  EXPECT_EQ(peer.authority, "aphex.example.com");
  EXPECT_FALSE(peer.forwarded);
}

TEST(Peer, OfATrustedProxyThatNamesNobodyIsNotKnown) {
  ServerConfig config;
  config.trusted_proxies = {"127.0.0.1"};
  EXPECT_TRUE(peer_of(config, request_from("127.0.0.1", {{"Host", "localhost"}})).forwarded);
}

TEST(Peer, HasNoAuthorityWhereThereAreTwoHosts) {
  const Peer peer =
      peer_of({}, request_from("127.0.0.1", {{"Host", "localhost"}, {"host", "evil.example"}}));
  EXPECT_EQ(peer.authority, "");
  EXPECT_FALSE(is_own_name({}, peer));
}

struct OriginCase {
  std::string origin;
  std::string site;
  Origin expected;
};

TEST(Peer, KnowsItsOwnPagesFromThoseOfOthers) {
  ServerConfig config;
  config.public_url = "https://aphex.example.com";
  const OriginCase cases[] = {
      {"", "", Origin::unknown},
      {"", "none", Origin::unknown},
      {"", "same-origin", Origin::same},
      {"", "same-site", Origin::cross},
      {"", "cross-site", Origin::cross},
      {"http://127.0.0.1:8737", "", Origin::same},
      {"http://127.0.0.1:8737", "cross-site", Origin::cross},
      {"http://127.0.0.1", "", Origin::cross},
      {"https://127.0.0.1:8737", "", Origin::cross},
      {"https://aphex.example.com", "", Origin::same},
      {"https://aphex.example.com:443", "same-origin", Origin::same},
      {"http://aphex.example.com", "", Origin::cross},
      {"https://aphex.example.com.evil.example", "", Origin::cross},
      {"null", "", Origin::cross},
      {"http://127.0.0.1:8737", "same-origin", Origin::same},
  };
  for (const OriginCase& each : cases) {
    SCOPED_TRACE(each.origin + " " + each.site);
    std::vector<std::pair<std::string, std::string>> headers{{"Host", "127.0.0.1:8737"}};
    if (!each.origin.empty()) headers.emplace_back("Origin", each.origin);
    if (!each.site.empty()) headers.emplace_back("Sec-Fetch-Site", each.site);
    const HttpRequest request = request_from("127.0.0.1", headers);
    EXPECT_EQ(origin_of(config, request, peer_of(config, request)), each.expected);
  }
}

}  // namespace
}  // namespace aphex::server
