#pragma once
// HTTP/1.1 for a handler that answers whole requests. The only user of Boost.Asio and Boost.Beast.
//
// Connections are coroutines on one thread; the handler runs on a pool, because it waits for the
// disk. Every bound is explicit: a client that sends slowly, much, or nothing ends alone. Where all
// connections are taken, the one that has waited longest for its client gives way to a new one.
//
// An answer whose body comes in pieces (body_source.hpp) has a coroutine and a small buffer of the
// socket's. With a stated length it is a download, and the connection goes on behind it; without
// one it is a stream, which ends with its connection.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/cancel.hpp"
#include "server/http/body_source.hpp"
#include "server/server_config.hpp"

namespace aphex::server {

struct HttpRequest {
  std::string method;  // "GET"; HEAD arrives as GET, and its answer is sent without the body
  std::string path;    // without the query, as it came: "/runs/12"
  std::string query;   // without the '?'
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string client;  // the address of the other end

  // Without regard to case; empty where there is none.
  std::string header(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<BodySource> source{};            // in place of `body`
  std::optional<std::uint64_t> source_bytes = {};  // how much it gives; nothing: nobody knows
};

struct HttpOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;                      // 0: a free one
  std::optional<TlsFiles> tls;                 // HTTPS; nothing: HTTP
  std::function<void(const Error&)> complain;  // of a renewed certificate that does not fit
  // The most that a request's body may have, told by its path.
  std::function<std::size_t(std::string_view path)> max_body_bytes;
  // Of all bodies that are being read, together, by their stated lengths. Beyond it the largest
  // gives way; small ones always fit.
  std::size_t max_bytes_at_once = std::size_t{128} << 20U;
  std::chrono::seconds header_time{10};
  std::chrono::seconds body_time{60};
  std::chrono::seconds idle_time{60};  // between two requests of one connection
  std::chrono::seconds heartbeat{15};  // of a stream in which nothing happens
  // Beyond these one gives way whose request is not whole yet, or the new one is answered 503.
  // Streams do not count.
  std::size_t max_connections = 1024;
  std::size_t max_streams = 4096;  // the same, of answers without a stated length
  // Threads. More than processors: those that wait for the disk share one commit.
  std::size_t handlers = 16;
  // Of a request that was refused when its head was read: the rest was too large, too slow, or did
  // not come. On a thread of the handlers.
  std::function<void(const HttpRequest&, const HttpResponse&)> refused;
  int listener = -1;  // a socket that listens already (listener()); address and port are its own
};

// Called on several threads at once.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  // Listens from here on; serves while run() runs.
  static Result<std::unique_ptr<HttpServer>> listen(HttpOptions options, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  // A descriptor of the listening socket, for the next server: whoever connects between the two
  // waits instead of being refused. The caller's own.
  int listener() const;
  // Until `cancel`; then no connection is accepted, and what is being answered is answered.
  void run(const os::CancelToken& cancel);

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aphex::server
