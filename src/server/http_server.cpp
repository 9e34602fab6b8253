#include "server/http_server.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::size_t kMaxHeaderBytes = 16U << 10U;
constexpr std::size_t kDefaultBodyBytes = 1U << 20U;
// How often the loop looks whether it is to end.
constexpr std::chrono::milliseconds kCancelPoll{50};
// What is being answered when the server ends gets this long.
constexpr std::chrono::seconds kEndTime{10};
// Of a refused request, what is still on its way.
constexpr std::chrono::seconds kDrainTime{2};
constexpr std::size_t kDrainBytes = 64U << 10U;
constexpr std::size_t kMostDrained = 64U << 20U;
constexpr unsigned kHttp11 = 11;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

using Parser = http::request_parser<http::string_body>;
using Answer = http::response<http::string_body>;

HttpRequest request_of(const http::request<http::string_body>& message, std::string client) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  for (const auto& field : message)
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  request.body = message.body();
  request.client = std::move(client);
  return request;
}

Answer answer_of(HttpResponse response, bool keep_alive) {
  Answer answer{static_cast<http::status>(response.status), kHttp11};
  answer.set(http::field::content_type, response.content_type);
  // No page of ours is somebody else's to frame, sniff or keep.
  answer.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers)
    answer.set(name, value);
  answer.body() = std::move(response.body);
  answer.keep_alive(keep_alive);
  answer.prepare_payload();
  return answer;
}

HttpResponse plain(unsigned status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(text) + "\n";
  return response;
}

// What a request that could not be read is told; nothing where the client is gone.
std::optional<HttpResponse> refusal(const beast::error_code& error) {
  if (error == http::error::body_limit)
    return plain(413, "the request is larger than this server takes");
  if (error == http::error::header_limit)
    return plain(431, "the request's headers are larger than this server takes");
  if (error == beast::error::timeout) return plain(408, "the request took too long to arrive");
  if (error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return plain(400, "this is no HTTP request: " + error.message());
  }
  return std::nullopt;
}

}  // namespace

std::string HttpRequest::header(std::string_view name) const {
  const std::string wanted = to_lower(name);
  for (const auto& [key, value] : headers) {
    if (to_lower(key) == wanted) return value;
  }
  return {};
}

struct HttpServer::State {
  HttpOptions options;
  HttpHandler handler;
  asio::io_context context{1};
  asio::thread_pool pool;
  tcp::acceptor acceptor{context};
  std::size_t connections = 0;  // of the loop's thread alone
  std::size_t answering = 0;    // the same
  bool ending = false;          // the same

  State(HttpOptions given, HttpHandler on_request)
      : options(std::move(given)), handler(std::move(on_request)), pool(options.handlers) {}

  Status open() {
    beast::error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) {
      return fail(ErrorCode::usage, fmt::format("'{}' is no IP address", options.address),
                  "give one such as 127.0.0.1 or ::1");
    }
    const tcp::endpoint endpoint(address, options.port);
    if (options.listener >= 0) {
      acceptor.assign(endpoint.protocol(), ::fcntl(options.listener, F_DUPFD_CLOEXEC, 0), error);
      if (!error) return {};
      return fail(ErrorCode::internal, "cannot take the listening socket: " + error.message());
    }
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return {};
    const bool taken = error == asio::error::address_in_use;
    return fail(
        ErrorCode::unavailable,
        fmt::format("cannot listen on {}:{}: {}", options.address, options.port, error.message()),
        taken ? "another program has this port: end it, or choose another" : "");
  }

  asio::awaitable<void> accept_all() {
    while (true) {
      auto [error, socket] = co_await acceptor.async_accept(kNoThrow);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // Out of descriptors, for instance: the others end, and then there is room again.
        asio::steady_timer timer(context, kCancelPoll);
        co_await timer.async_wait(kNoThrow);
        continue;
      }
      asio::co_spawn(context, serve(beast::tcp_stream(std::move(socket))), asio::detached);
    }
  }

  struct Peer {
    std::string client;
    bool refused = false;  // there are too many
  };

  asio::awaitable<void> serve(beast::tcp_stream stream) {
    ++connections;
    const bool full = connections > options.max_connections;
    beast::error_code ignored;
    const auto remote = stream.socket().remote_endpoint(ignored);
    const std::string client = ignored ? std::string() : remote.address().to_string();
    beast::flat_buffer buffer;
    stream.expires_after(options.header_time);
    const Peer peer{client, full};
    bool more = true;
    while (more && !ending)
      more = co_await serve_one(stream, buffer, peer);
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    co_await drain(stream);
    --connections;
  }

  // Closed with bytes unread, a connection is reset, and the client may never see why it was
  // refused.
  static asio::awaitable<void> drain(beast::tcp_stream& stream) {
    std::vector<char> dropped(kDrainBytes);
    stream.expires_after(kDrainTime);
    for (std::size_t total = 0; total < kMostDrained;) {
      auto [error, count] = co_await stream.async_read_some(asio::buffer(dropped), kNoThrow);
      if (error) co_return;
      total += count;
    }
  }

  // False: the connection ends.
  asio::awaitable<bool> serve_one(beast::tcp_stream& stream, beast::flat_buffer& buffer,
                                  const Peer& peer) {
    Parser parser;
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(boost::none);  // its path says how much; see below
    auto [header_error, header_bytes] =
        co_await http::async_read_header(stream, buffer, parser, kNoThrow);
    (void)header_bytes;
    beast::error_code error = header_error;
    if (!error && !peer.refused) {
      const std::size_t most = body_limit(parser.get().target());
      parser.body_limit(most);
      // Beast looks at a stated length when it has read the header, and so before we have.
      if (parser.content_length().value_or(0) > most) error = http::error::body_limit;
    }
    if (!error && !peer.refused) {
      stream.expires_after(options.body_time);
      if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        http::response<http::empty_body> go{http::status::continue_, parser.get().version()};
        co_await http::async_write(stream, go, kNoThrow);
      }
      auto [body_error, body_bytes] = co_await http::async_read(stream, buffer, parser, kNoThrow);
      (void)body_bytes;
      error = body_error;
    }
    bool keep_alive = false;
    std::optional<HttpResponse> response;
    if (error) {
      response = refusal(error);
    } else if (peer.refused) {
      response = plain(503, "too many connections; try again in a moment");
    } else {
      keep_alive = parser.get().keep_alive() && !ending;
      ++answering;
      auto job = std::make_shared<Job>();
      job->request = request_of(parser.release(), peer.client);
      co_await handle(job);
      response = std::move(job->response);
      --answering;
    }
    if (!response) co_return false;
    Answer answer = answer_of(std::move(*response), keep_alive);
    stream.expires_after(options.body_time);
    auto [write_error, written] = co_await http::async_write(stream, answer, kNoThrow);
    (void)written;
    stream.expires_after(options.idle_time);
    co_return !write_error && keep_alive;
  }

  std::size_t body_limit(std::string_view target) const {
    if (!options.max_body_bytes) return kDefaultBodyBytes;
    return options.max_body_bytes(target.substr(0, target.find('?')));
  }

  struct Job {
    HttpRequest request;
    HttpResponse response;
  };

  // On a thread of the pool. A timer that never elapses is what the coroutine waits for.
  asio::awaitable<void> handle(std::shared_ptr<Job> job) {
    asio::steady_timer done(context, asio::steady_timer::time_point::max());
    asio::post(pool, [this, job, &done] {
      try {
        job->response = handler(job->request);
      } catch (const std::exception& error) {
        job->response = plain(500, std::string("this is a mistake in aphex: ") + error.what());
      }
      asio::post(context, [&done] { done.cancel(); });
    });
    co_await done.async_wait(kNoThrow);
  }

  asio::awaitable<void> watch(const os::CancelToken& cancel) {
    asio::steady_timer timer(context);
    while (!cancel.cancelled()) {
      timer.expires_after(kCancelPoll);
      co_await timer.async_wait(kNoThrow);
    }
    ending = true;
    beast::error_code ignored;
    acceptor.close(ignored);
    const auto end = std::chrono::steady_clock::now() + kEndTime;
    while (answering > 0 && std::chrono::steady_clock::now() < end) {
      timer.expires_after(kCancelPoll);
      co_await timer.async_wait(kNoThrow);
    }
    // One more turn of the loop writes the last answers.
    timer.expires_after(kCancelPoll);
    co_await timer.async_wait(kNoThrow);
    context.stop();
  }
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::listen(HttpOptions options, HttpHandler handler) {
  auto state = std::make_unique<State>(std::move(options), std::move(handler));
  APHEX_CHECK(state->open());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

std::uint16_t HttpServer::port() const {
  boost::system::error_code error;
  const auto endpoint = state_->acceptor.local_endpoint(error);
  return error ? std::uint16_t{0} : endpoint.port();
}

int HttpServer::listener() const {
  return ::fcntl(state_->acceptor.native_handle(), F_DUPFD_CLOEXEC, 0);
}

void HttpServer::run(const os::CancelToken& cancel) {
  asio::co_spawn(state_->context, state_->accept_all(), asio::detached);
  asio::co_spawn(state_->context, state_->watch(cancel), asio::detached);
  state_->context.run();
  state_->pool.join();
}

}  // namespace aphex::server
