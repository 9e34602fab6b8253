#include "server/http/http_server.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <deque>
#include <list>
#include <optional>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>

#include "server/http/http_message.hpp"
#include "server/http/large_bodies.hpp"
#include "server/http/tls.hpp"

namespace aphex::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::size_t kMaxHeaderBytes = 16U << 10U;
constexpr std::size_t kDefaultBodyBytes = 1U << 20U;
// Of as many as there may be connections it is 64 MB.
constexpr std::size_t kSmallBodyBytes = 64U << 10U;
// How often the loop looks whether it is to end.
constexpr std::chrono::milliseconds kCancelPoll{50};
// What is being answered when the server ends gets this long.
constexpr std::chrono::seconds kEndTime{10};
// Of a refused request, what is still on its way.
constexpr std::chrono::seconds kDrainTime{2};
constexpr std::size_t kDrainBytes = 64U << 10U;
constexpr std::size_t kMostDrained = 64U << 20U;
// What the kernel holds of a stream that is not read; its own bound is megabytes, of thousands.
constexpr int kStreamSendBuffer = 64 << 10;
// Writing to so many takes about a millisecond.
constexpr std::size_t kWokenAtOnce = 32;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

using Parser = http::request_parser<http::string_body>;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

}  // namespace

struct HttpServer::State {
  HttpOptions options;
  HttpHandler handler;
  // Whose clients have yet to send, by age; of the loop's thread alone. Coroutines that end with
  // the context leave it.
  std::list<beast::tcp_stream*> unfinished;
  LargeBodies large_bodies;  // that are read or answered; of the loop's thread alone
  asio::io_context context{1};
  asio::thread_pool pool;
  tcp::acceptor acceptor{context};
  std::unique_ptr<TlsCertificate> certificate;  // null: no TLS
  std::size_t connections = 0;                  // of the loop's thread alone
  std::size_t answering = 0;                    // the same
  bool ending = false;                          // the same
  struct Flow;
  std::set<std::shared_ptr<Flow>> flows;  // the same: streams, not downloads
  std::deque<std::weak_ptr<Flow>> due;    // the same: those that have something and wait
  bool waking = false;                    // the same: wake_some() is called

  State(HttpOptions given, HttpHandler on_request)
      : options(std::move(given)),
        handler(std::move(on_request)),
        large_bodies(options.max_bytes_at_once),
        pool(options.handlers) {}

  Status open() {
    if (options.tls) {
      APHEX_TRY(certificate, TlsCertificate::load(*options.tls));
    }
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

  // One body in pieces that is on its way. Of the loop's thread alone, but for the pieces of a
  // disk.
  struct Flow {
    explicit Flow(asio::io_context& context) : timer(context) {}
    std::shared_ptr<BodySource> source;
    std::optional<std::uint64_t> left;  // of the stated length
    std::chrono::seconds heartbeat{0};
    asio::steady_timer timer;
    bool ready = false;  // the source called
    bool gone = false;   // the client has, or the server ends
    BodySource::Piece piece;
  };

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
      if (certificate) {
        auto stream = std::make_shared<TlsStream>(beast::tcp_stream(std::move(socket)),
                                                  certificate->current(options.complain));
        asio::co_spawn(context, serve(std::move(stream)), asio::detached);
        continue;
      }
      auto stream = std::make_shared<beast::tcp_stream>(std::move(socket));
      asio::co_spawn(context, serve(std::move(stream)), asio::detached);
    }
  }

  struct Peer {
    std::string client;
    bool refused = false;  // there are too many
  };

  enum class After { again, end, cut };

  // While it is here, its connection may be ended for a new one.
  class Unfinished {
   public:
    Unfinished(State& state, beast::tcp_stream& stream)
        : list_(state.unfinished), place_(list_.insert(list_.end(), &stream)) {}
    ~Unfinished() { list_.erase(place_); }
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;

   private:
    std::list<beast::tcp_stream*>& list_;
    std::list<beast::tcp_stream*>::iterator place_;
  };

  // False: all of them are being answered.
  bool end_oldest_unfinished() {
    if (unfinished.empty() || unfinished.front() == nullptr) return false;
    beast::tcp_stream& oldest = *std::exchange(unfinished.front(), nullptr);
    // It is erased when its coroutine goes on; until then another is the oldest.
    unfinished.splice(unfinished.end(), unfinished, unfinished.begin());
    oldest.close();
    return true;
  }

  // `Stream` is a beast::tcp_stream, or something that has one as its lowest layer.
  template <class Stream>
  asio::awaitable<void> serve(std::shared_ptr<Stream> stream) {
    ++connections;
    const bool full = connections > options.max_connections && !end_oldest_unfinished();
    beast::error_code ignored;
    tcp::socket& socket = beast::get_lowest_layer(*stream).socket();
    const auto remote = socket.remote_endpoint(ignored);
    const std::string client = ignored ? std::string() : remote.address().to_string();
    beast::flat_buffer buffer;
    beast::get_lowest_layer(*stream).expires_after(options.header_time);
    const Peer peer{client, full};
    After after = After::cut;
    {
      const Unfinished place(*this, beast::get_lowest_layer(*stream));
      after = co_await greet(*stream, full);
    }
    while (after == After::again && !ending)
      after = co_await serve_one(stream, buffer, peer);
    if (after != After::cut) {
      co_await say_goodbye(*stream);
      socket.shutdown(tcp::socket::shutdown_send, ignored);
      co_await drain(beast::get_lowest_layer(*stream));
    }
    beast::get_lowest_layer(*stream).close();
    --connections;
  }

  // With TLS the handshake, within the time that a request's header has.
  template <class Stream>
  static asio::awaitable<After> greet(Stream& stream, bool full) {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      if (full) co_return After::cut;
      auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kNoThrow);
      if (error) co_return After::cut;
    }
    co_return After::again;
  }

  // Told that nothing follows, a client knows that nothing was cut off.
  template <class Stream>
  static asio::awaitable<void> say_goodbye(Stream& stream) {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      beast::get_lowest_layer(stream).expires_after(kDrainTime);
      co_await stream.async_shutdown(kNoThrow);
    }
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

  // A whole request, or why there is none.
  template <class Stream>
  asio::awaitable<beast::error_code> read(Stream& stream, beast::flat_buffer& buffer,
                                          Parser& parser, const Peer& peer,
                                          std::optional<LargeBodies::Room>& room) {
    const Unfinished place(*this, beast::get_lowest_layer(stream));
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(boost::none);  // its path says how much; see below
    auto [header_error, header_bytes] =
        co_await http::async_read_header(stream, buffer, parser, kNoThrow);
    (void)header_bytes;
    beast::error_code error = header_error;
    std::size_t most = 0;
    if (!error && !peer.refused) {
      most = body_limit(parser.get().target());
      parser.body_limit(most);
      // Beast looks at a stated length when it has read the header, and so before we have.
      if (parser.content_length().value_or(0) > most) error = http::error::body_limit;
    }
    if (!error && !peer.refused) {
      const std::size_t bytes =
          parser.content_length().value_or(parser.chunked() ? most : std::size_t{0});
      if (bytes > kSmallBodyBytes) {
        room.emplace(large_bodies, bytes,
                     [&lowest = beast::get_lowest_layer(stream)] { lowest.close(); });
      }
      if (room && !room->fits()) error = make_error_code(boost::system::errc::not_enough_memory);
    }
    if (!error && !peer.refused) {
      beast::get_lowest_layer(stream).expires_after(options.body_time);
      if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        http::response<http::empty_body> go{http::status::continue_, parser.get().version()};
        co_await http::async_write(stream, go, kNoThrow);
      }
      auto [body_error, body_bytes] = co_await http::async_read(stream, buffer, parser, kNoThrow);
      (void)body_bytes;
      error = body_error;
      if (room) room->stay();
    }
    co_return error;
  }

  asio::awaitable<void> note_refused(const Parser& parser, const Peer& peer,
                                     const HttpResponse& response) {
    if (!options.refused) co_return;
    HttpRequest request = request_of(parser.get(), peer.client);
    request.body.clear();
    std::function<void()> work = [this, &request, &response] {
      options.refused(request, response);
    };
    co_await on_pool(std::move(work));
  }

  template <class Stream>
  asio::awaitable<After> serve_one(std::shared_ptr<Stream> stream, beast::flat_buffer& buffer,
                                   const Peer& peer) {
    beast::tcp_stream& lowest = beast::get_lowest_layer(*stream);
    Parser parser;
    std::optional<LargeBodies::Room> room;
    const beast::error_code error = co_await read(*stream, buffer, parser, peer, room);
    std::optional<HttpResponse> response;
    if (error) {
      response = refusal(error);
    } else if (peer.refused) {
      response = plain(503, "too many connections; try again in a moment");
    }
    if (error && parser.is_header_done()) {
      const HttpResponse told = response ? *response : cut_off();
      co_await note_refused(parser, peer, told);
    }
    if (error && !response) co_return After::end;
    if (!response) response = refused_host(parser.get());
    bool keep_alive = false;
    bool head_only = false;
    if (!response) {
      keep_alive = parser.get().keep_alive() && !ending;
      head_only = parser.get().method() == http::verb::head;
      ++answering;
      auto job = std::make_shared<Job>();
      job->request = request_of(parser.release(), peer.client);
      co_await handle(job);
      response = std::move(job->response);
      job->request.body = {};
      room.reset();
      --answering;
    }
    After after = After::end;
    lowest.expires_after(options.body_time);
    if (response->source && !head_only) {
      after = co_await send_pieces(stream, std::move(*response), keep_alive);
    } else {
      beast::error_code write_error;
      if (head_only) {
        Head head = head_of(*response, keep_alive);
        http::response_serializer<http::empty_body> serializer(head);
        auto [failed, written] = co_await http::async_write_header(*stream, serializer, kNoThrow);
        (void)written;
        write_error = failed;
      } else {
        Answer answer = answer_of(std::move(*response), keep_alive);
        auto [failed, written] = co_await http::async_write(*stream, answer, kNoThrow);
        (void)written;
        write_error = failed;
      }
      if (!write_error && keep_alive) after = After::again;
    }
    if (after == After::again) lowest.expires_after(options.idle_time);
    co_return after;
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
    std::function<void()> work = [this, job] {
      try {
        job->response = handler(job->request);
      } catch (const std::exception& error) {
        job->response = plain(500, std::string("this is a mistake in aphex: ") + error.what());
      }
    };
    co_await on_pool(std::move(work));
  }

  asio::awaitable<void> on_pool(std::function<void()> work) {
    asio::steady_timer done(context, asio::steady_timer::time_point::max());
    asio::post(pool, [this, &work, &done] {
      work();
      asio::post(context, [&done] { done.cancel(); });
    });
    co_await done.async_wait(kNoThrow);
  }

  template <class Stream>
  asio::awaitable<After> send_pieces(std::shared_ptr<Stream> stream, HttpResponse response,
                                     bool keep_alive) {
    const bool endless = !response.source_bytes.has_value();
    if (endless && flows.size() >= options.max_streams) {
      Answer answer = answer_of(plain(503, "too many streams; try again in a moment"), false);
      co_await http::async_write(*stream, answer, kNoThrow);
      co_return After::end;
    }
    auto flow = std::make_shared<Flow>(context);
    flow->source = std::move(response.source);
    flow->left = response.source_bytes;
    flow->heartbeat = options.heartbeat;
    response.source = flow->source;  // head_of() asks whether there is one
    Head head = head_of(response, keep_alive && !endless);
    http::response_serializer<http::empty_body> serializer(head);
    auto [error, written] = co_await http::async_write_header(*stream, serializer, kNoThrow);
    (void)written;
    if (error) co_return After::cut;
    if (endless) {
      co_await send_stream(stream, flow);
      co_return After::cut;
    }
    ++answering;
    const bool whole = co_await send_file(*stream, *flow);
    --answering;
    if (!whole) co_return After::cut;
    co_return keep_alive ? After::again : After::end;
  }

  // False: the client is gone, or the source had less than it said.
  template <class Stream>
  asio::awaitable<bool> send_file(Stream& stream, Flow& flow) {
    while (*flow.left > 0) {
      co_await take_piece(flow);
      const std::shared_ptr<const std::string> bytes = flow.piece.bytes;
      if (!bytes || bytes->empty() || bytes->size() > *flow.left) co_return false;
      beast::get_lowest_layer(stream).expires_after(options.body_time);
      auto [error, written] = co_await asio::async_write(stream, asio::buffer(*bytes), kNoThrow);
      if (error) co_return false;
      *flow.left -= written;
    }
    co_return true;
  }

  template <class Stream>
  asio::awaitable<void> send_stream(std::shared_ptr<Stream> stream, std::shared_ptr<Flow> flow) {
    // It counts as a stream from here on, and not as one of the connections.
    --connections;
    flows.insert(flow);
    beast::error_code ignored;
    tcp::socket& socket = beast::get_lowest_layer(*stream).socket();
    socket.set_option(asio::socket_base::send_buffer_size(kStreamSendBuffer), ignored);
    beast::get_lowest_layer(*stream).expires_never();
    asio::co_spawn(context, watch_client(stream, flow), asio::detached);
    flow->source->when_ready(waker(flow));
    while (!flow->gone && !ending) {
      flow->ready = false;
      co_await take_piece(*flow);
      std::shared_ptr<const std::string> bytes = flow->piece.bytes;
      if (flow->gone) break;
      if ((!bytes || bytes->empty()) && flow->piece.then == BodySource::Then::wait) {
        if (!flow->ready) co_await pause(*flow);
        if (flow->gone || ending) break;
        if (flow->ready) continue;
        bytes = std::make_shared<const std::string>(flow->source->heartbeat());
      }
      if (bytes && !bytes->empty()) {
        beast::get_lowest_layer(*stream).expires_after(options.body_time);
        auto [error, written] =
            co_await asio::async_write(*stream, http::make_chunk(asio::buffer(*bytes)), kNoThrow);
        (void)written;
        if (error) break;
      }
      if (flow->piece.then == BodySource::Then::end) {
        co_await asio::async_write(*stream, http::make_chunk_last(), kNoThrow);
        break;
      }
    }
    flow->gone = true;
    flow->source.reset();  // unsubscribes, though the other coroutine still has the flow
    flows.erase(flow);
    ++connections;
  }

  asio::awaitable<void> take_piece(Flow& flow) {
    if (flow.source->cost() == BodySource::Cost::memory) {
      flow.piece = flow.source->next();
      co_return;
    }
    std::function<void()> work = [&flow] { flow.piece = flow.source->next(); };
    co_await on_pool(std::move(work));
  }

  // Until the source calls, or it is time for a heartbeat.
  static asio::awaitable<void> pause(Flow& flow) {
    flow.timer.expires_after(flow.heartbeat);
    co_await flow.timer.async_wait(kNoThrow);
  }

  // Nothing more is asked on a stream's connection: what is read is its end.
  template <class Stream>
  static asio::awaitable<void> watch_client(std::shared_ptr<Stream> stream,
                                            std::shared_ptr<Flow> flow) {
    std::vector<char> dropped(64);
    while (!flow->gone) {
      auto [error, count] = co_await stream->async_read_some(asio::buffer(dropped), kNoThrow);
      (void)count;
      if (error) break;
    }
    flow->gone = true;
    flow->timer.cancel();
  }

  // However often a source calls, the loop is told once a turn.
  std::function<void()> waker(const std::shared_ptr<Flow>& flow) {
    auto told = std::make_shared<std::atomic<bool>>(false);
    return [this, told, weak = std::weak_ptr<Flow>(flow)] {
      if (told->exchange(true)) return;
      asio::post(context, [this, told, weak] {
        told->store(false);
        const std::shared_ptr<Flow> woken = weak.lock();
        if (!woken) return;
        woken->ready = true;
        due.push_back(weak);
        if (!std::exchange(waking, true)) asio::post(context, [this] { wake_some(); });
      });
    };
  }

  // Thousands of streams may have something at the same moment. Between some and the next the loop
  // looks at its sockets, so that a webhook does not wait for all of them.
  void wake_some() {
    for (std::size_t woken = 0; woken < kWokenAtOnce && !due.empty(); ++woken) {
      const std::shared_ptr<Flow> flow = due.front().lock();
      due.pop_front();
      // It may have looked again by itself meanwhile.
      if (flow && flow->ready) flow->timer.cancel();
    }
    waking = !due.empty();
    if (waking) asio::post(context, [this] { wake_some(); });
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
    for (const std::shared_ptr<Flow>& flow : flows)
      flow->timer.cancel();
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
