// Any bytes as what a client sends to a server, over a real connection: the parser, the routes,
// forms, cookies, queries and what they ask of the database. Whatever comes, the server answers
// with a status of its own, or ends the connection; it never hangs, and no request is its mistake.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz/scratch.hpp"
#include "os/clock.hpp"
#include "server/access/stream_guard.hpp"
#include "server/dashboard/live_hub.hpp"
#include "server/routes.hpp"

namespace {

using namespace aphex;  // NOLINT(google-build-using-namespace)
using fuzz::require;

// Far above what an answer takes; a server that hangs is found by it.
constexpr timeval kPatience{.tv_sec = 8, .tv_usec = 0};
constexpr std::size_t kMostAnswered = 64U << 20U;

template <class Type>
Type sure(Result<Type> result) {
  require(result.has_value());
  return std::move(*result);
}

server::ServerConfig config() {
  server::ServerConfig config;
  server::ServedPipeline& pipeline = config.pipelines.emplace_back();
  pipeline.name = "app";
  pipeline.repository = "acme/app";
  pipeline.webhook_secrets = {"a-secret-of-thirty-two-characters"};
  return config;
}

// All that `aphex serve` answers with, without what starts runs. Without tokens, so that every
// route is reached.
class Served {
 public:
  Served() {
    server::HttpOptions options;
    options.max_body_bytes = server::max_body_bytes;
    http_ = sure(server::HttpServer::listen(
        options, [this](const server::HttpRequest& request) { return answer(site_, request); }));
    thread_ = std::thread([this] { http_->run(ending_.token()); });
  }
  ~Served() {
    ending_.cancel("the end");
    thread_.join();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  std::uint16_t port() const { return http_->port(); }

 private:
  fuzz::Scratch scratch_;
  std::shared_ptr<os::Clock> clock_ = os::make_system_clock();
  server::ServerConfig config_ = config();
  engine::StatePaths paths_{scratch_.root()};
  std::unique_ptr<store::RunDatabase> runs_ =
      sure(store::RunDatabase::open(paths_.database(), clock_));
  std::unique_ptr<server::DeliveryStore> deliveries_ =
      sure(server::DeliveryStore::open(paths_.database(), clock_));
  std::unique_ptr<server::AccessStore> access_ =
      sure(server::AccessStore::open(paths_.database(), clock_));
  std::unique_ptr<server::AuditLog> audit_ =
      sure(server::AuditLog::open(paths_.database(), clock_));
  std::unique_ptr<server::Gate> gate_ = sure(server::Gate::make(clock_));
  std::unique_ptr<store::ApprovalStore> approvals_ =
      sure(store::ApprovalStore::open(paths_.database(), clock_));
  std::unique_ptr<store::RunReports> reports_ = sure(store::RunReports::open(paths_.database()));
  std::unique_ptr<server::LiveHub> live_ = sure(server::LiveHub::start(*runs_, paths_));
  server::StreamGuard streams_{*access_};
  std::unique_ptr<server::notify::NotificationStore> notifications_ =
      sure(server::notify::NotificationStore::open(paths_.database(), clock_));
  server::RequestMetrics requests_;
  os::EnvironmentVariables environment_;
  server::Site site_{config_, *deliveries_, *runs_,         paths_,      *access_,
                     *audit_, *gate_,       requests_,      *approvals_, *reports_,
                     *live_,  streams_,     environment_,   *notifications_};
  os::CancelSource ending_;
  std::unique_ptr<server::HttpServer> http_;
  std::thread thread_;
};

// The fuzzer's alarm interrupts a call of a socket with a time limit, whatever SA_RESTART says.
template <class Call>
auto uninterrupted(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// What the server says to one client that sends the bytes and nothing more.
std::string said_to(std::uint16_t port, std::string_view bytes) {
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(client >= 0);
  ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // One that is interrupted goes on by itself.
  require(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
          errno == EINTR);
  while (!bytes.empty()) {
    const ssize_t sent =
        uninterrupted([&] { return ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent <= 0) break;  // it has heard enough
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::shutdown(client, SHUT_WR);
  std::string answer;
  char piece[16384];
  while (true) {
    const ssize_t count = uninterrupted([&] { return ::recv(client, piece, sizeof piece, 0); });
    require(count >= 0 || errno == ECONNRESET);
    if (count <= 0) break;
    answer.append(piece, static_cast<std::size_t>(count));
    require(answer.size() < kMostAnswered);
  }
  ::close(client);
  return answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Served served;
  const std::string answer =
      said_to(served.port(), std::string_view(reinterpret_cast<const char*>(data), size));
  if (answer.empty()) return 0;
  require(answer.starts_with("HTTP/1.1 ") && answer.size() > 12);
  const char first = answer[9];
  require(first >= '1' && first <= '5');
  require(!answer.starts_with("HTTP/1.1 500"), answer);
  return 0;
}
