#pragma once
// Who is at the other end of a request, and under which address it found us: the connection's own
// word, but for what a trusted proxy says.

#include <string>

#include "server/http/http_server.hpp"
#include "server/server_config.hpp"

namespace aphex::server {

struct Peer {
  std::string client;     // its address; canonical
  std::string scheme;     // "http" or "https", as the client sees it
  std::string authority;  // host[:port], as the client asked for it; empty: none, or several
  // Somebody that is no trusted proxy passes the request on, or says so: the client is not known.
  bool forwarded = false;

  bool secure() const { return scheme == "https"; }
};

Peer peer_of(const ServerConfig& config, const HttpRequest& request);

// Where a browser says that a request comes from.
enum class Origin {
  same,     // one of our own pages
  cross,    // another site, or a page without an origin
  unknown,  // it says nothing: no browser of these years, or an address that was typed
};
Origin origin_of(const ServerConfig& config, const HttpRequest& request, const Peer& peer);

// Whether the address that a request was sent to is ours to answer without credentials: a loopback
// name or address, or publicUrl's. A name that a stranger has made to point here is not.
bool is_own_name(const ServerConfig& config, const Peer& peer);

}  // namespace aphex::server
