#pragma once
// HTTP/1.1 for a handler that answers whole requests. The only user of Boost.Asio and Boost.Beast.
//
// Connections are coroutines on one thread; the handler runs on a pool, because it waits for the
// disk. Every bound is explicit: a client that sends slowly, much, or nothing ends alone.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/cancel.hpp"

namespace aphex::server {

struct HttpRequest {
  std::string method;  // "GET"
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
};

struct HttpOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: a free one
  // The most that a request's body may have, told by its path.
  std::function<std::size_t(std::string_view path)> max_body_bytes;
  std::chrono::seconds header_time{10};
  std::chrono::seconds body_time{60};
  std::chrono::seconds idle_time{60};  // between two requests of one connection
  std::size_t max_connections = 1024;  // more are answered 503
  std::size_t handlers = 4;            // threads
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
