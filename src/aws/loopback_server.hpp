#pragma once
// A TCP server on a free port of 127.0.0.1 for tests of the real HTTP client: it misbehaves as
// told. Header only, so that no product library carries it.

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace aphex::aws {

// One connection, closed with the object.
class LoopbackConnection {
 public:
  LoopbackConnection(int descriptor, const std::atomic<bool>& stopping)
      : descriptor_(descriptor), stopping_(stopping) {}
  ~LoopbackConnection() { ::close(descriptor_); }
  LoopbackConnection(const LoopbackConnection&) = delete;
  LoopbackConnection& operator=(const LoopbackConnection&) = delete;

  // The head of the next request and its body (by Content-Length); empty when the peer is gone.
  std::string read_request() {
    std::string text;
    std::size_t whole = std::string::npos;
    while (text.size() < whole) {
      if (!wait_readable()) return {};
      char buffer[65536];
      const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (got <= 0) return {};
      text.append(buffer, static_cast<std::size_t>(got));
      const std::size_t end = text.find("\r\n\r\n");
      if (end == std::string::npos || whole != std::string::npos) continue;
      whole = end + 4 + content_length(text);
      text.reserve(whole + sizeof buffer);
    }
    return text;
  }
  // As far as the empty line; what arrived of the body with it is dropped.
  void read_head() {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos && wait_readable()) {
      char buffer[512];
      const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  bool stopping() const { return stopping_; }
  // Sleeps, but no longer than the server lives.
  void pause(std::chrono::milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!stopping_ && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

 private:
  static std::size_t content_length(const std::string& head) {
    const std::size_t at = head.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
  }
  bool wait_readable() const {
    while (!stopping_) {
      pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) > 0) return true;
    }
    return false;
  }

  const int descriptor_;
  const std::atomic<bool>& stopping_;
};

class LoopbackServer {
 public:
  // Called on a thread of its own for each connection; `number` counts them from 0.
  using Serve = std::function<void(LoopbackConnection&, int number)>;

  explicit LoopbackServer(Serve serve) : serve_(std::move(serve)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool ready = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::listen(listener_, 16) == 0 &&
                       ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    port_ = ready ? ntohs(address.sin_port) : 0;
    acceptor_ = std::jthread([this] { accept_until_stopped(); });
  }
  ~LoopbackServer() {
    stopping_ = true;
    acceptor_.join();
    workers_.clear();
    ::close(listener_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string url() const { return "http://localhost:" + std::to_string(port_); }
  int connections() const { return connections_; }

 private:
  void accept_until_stopped() {
    while (!stopping_) {
      pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 10) <= 0) continue;
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) continue;
      const int number = connections_++;
      workers_.emplace_back([this, peer, number] {
        LoopbackConnection connection(peer, stopping_);
        serve_(connection, number);
      });
    }
  }

  const Serve serve_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::vector<std::jthread> workers_;  // of the acceptor until it has ended
  std::jthread acceptor_;
};

}  // namespace aphex::aws
