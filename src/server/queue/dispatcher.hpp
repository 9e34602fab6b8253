#pragma once
// Starts the queue's runs, each in a process of its own that outlives the server.
//
// A process holds <state>/server/queue/<number>.lock while it lives, and ends its entry itself. So
// whether an entry executes is told by its lock, whoever was killed: a server that starts finds the
// processes of the one before it, and an entry whose process died is started again. The run is
// named after the entry (runs.request), so that it is made once and gone on with afterwards.

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "os/files.hpp"
#include "os/process.hpp"
#include "server/webhook/delivery_store.hpp"

namespace aphex::server {

struct DispatchPaths {
  std::filesystem::path root;  // <state>/server

  std::filesystem::path lock(std::int64_t number) const {
    return root / "queue" / (std::to_string(number) + ".lock");
  }
  std::filesystem::path log(std::int64_t number) const {
    return root / "queue" / (std::to_string(number) + ".log");
  }
  // The commit's sources, as they came from the repository.
  std::filesystem::path source(std::int64_t number) const {
    return root / "sources" / std::to_string(number);
  }
};

class Dispatcher {
 public:
  // Starts the process that executes an entry; a fake in tests.
  using Start = std::function<Status(const QueueEntry& entry)>;
  struct Parts {
    const ServerConfig& config;
    DeliveryStore& store;
    DispatchPaths paths;
    os::Clock& clock;
    Start start;
    // Why nothing is started now; nothing where all is well.
    std::function<std::optional<std::string>()> pause = {};
    // An entry that executed has ended, and how; once each while this dispatcher lives.
    std::function<void(const QueueEntry& entry)> ended = {};
  };
  explicit Dispatcher(Parts parts) : parts_(std::move(parts)) {}

  // One look at the queue: starts what is due. An error is one of the database.
  Status turn();
  // Turns until `cancel`. What runs goes on.
  void run(const os::CancelToken& cancel, const std::function<void(const Error&)>& complain);

  // After run(): what the configuration says about the runs that execute. Blocks until they have
  // ended, where it does, but no longer than the configured time.
  Status end_runs();

 private:
  struct Look;  // at the queue
  Result<bool> executes(const QueueEntry& entry);
  Status start(const QueueEntry& entry);
  Result<Look> look();
  // Whether the branch of this entry may have a pipeline now; says why it waits.
  Result<bool> has_room(const QueueEntry& entry, Look& look);
  Result<std::vector<QueueEntry>> executing();
  // Tells of those that executed at the last look and are no longer open.
  Status tell_ended(const std::vector<QueueEntry>& open);

  Parts parts_;
  // When a process was started whose lock may not be taken yet.
  std::map<std::int64_t, std::chrono::steady_clock::time_point> started_;
  std::set<std::int64_t> executed_;  // at the last look
};

}  // namespace aphex::server
