#pragma once
// What a server does beside answering and starting runs: it looks after its disk, its branches and
// what is old.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "engine/run_paths.hpp"
#include "os/process.hpp"
#include "server/operate/server_log.hpp"
#include "server/webhook/delivery_store.hpp"

namespace aphex::server {

class Keeper {
 public:
  struct Parts {
    const ServerConfig& config;
    DeliveryStore& store;
    const engine::StatePaths& paths;
    os::Clock& clock;
    const ServerLog& log;
    os::ProcessRunner& processes;
    const os::EnvironmentVariables& environment;
  };
  explicit Keeper(Parts parts) : parts_(parts) {}

  // Until `cancel`. `on_turn` is called several times a second. An error means that the server
  // cannot keep what it promises any more: it must end.
  Status run(const os::CancelToken& cancel, const std::function<void()>& on_turn);

 private:
  void look_at_disk();
  void sweep(const os::CancelToken& cancel);
  void tidy(const os::CancelToken& cancel);

  Parts parts_;
  std::optional<std::string> paused_;
};

}  // namespace aphex::server
