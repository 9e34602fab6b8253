#include "server/dispatcher.hpp"

#include <set>

#include <fmt/format.h>

namespace aphex::server {
namespace {

constexpr std::chrono::milliseconds kTurn{200};
// From fork to flock; a loaded machine takes its time.
constexpr std::chrono::seconds kStartTime{10};
// A process that dies time and again is killed by something that another start does not mend.
constexpr int kMaxStarts = 20;

}  // namespace

Result<bool> Dispatcher::executes(const QueueEntry& entry) {
  APHEX_CHECK(os::make_directories(parts_.paths.lock(entry.number).parent_path()));
  APHEX_TRY(const std::optional<os::FileLock> free,
            os::FileLock::try_acquire(parts_.paths.lock(entry.number)));
  if (!free) {
    started_.erase(entry.number);
    return true;
  }
  const auto at = started_.find(entry.number);
  return at != started_.end() && parts_.clock.steady() - at->second < kStartTime;
}

Status Dispatcher::start(const QueueEntry& entry) {
  if (parts_.config.find(entry.pipeline) == nullptr) {
    return parts_.store.end(
        entry.number, 1,
        fmt::format("the server's configuration has no pipeline {} any more", entry.pipeline));
  }
  if (entry.starts >= kMaxStarts) {
    return parts_.store.end(entry.number, 1,
                            fmt::format("its process ended {} times without a word; see {}",
                                        kMaxStarts, parts_.paths.log(entry.number).string()));
  }
  APHEX_CHECK(parts_.store.begin(entry.number));
  started_[entry.number] = parts_.clock.steady();
  return parts_.start(entry.number);
}

Status Dispatcher::turn() {
  APHEX_TRY(const std::vector<QueueEntry> entries, parts_.store.open_entries());
  std::set<std::string> busy;  // pipelines whose turn is somebody's
  std::size_t running = 0;
  std::vector<const QueueEntry*> due;
  for (const QueueEntry& entry : entries) {
    if (entry.state != QueueState::running) continue;
    busy.insert(entry.pipeline);
    APHEX_TRY(const bool alive, executes(entry));
    // It may have ended between the two looks.
    if (alive) {
      ++running;
    } else {
      due.push_back(&entry);
    }
  }
  for (const QueueEntry& entry : entries) {
    if (entry.state == QueueState::waiting && busy.insert(entry.pipeline).second)
      due.push_back(&entry);
  }
  for (const QueueEntry* entry : due) {
    if (running >= parts_.config.max_runs) break;
    APHEX_TRY(const QueueEntry now, parts_.store.entry(entry->number));
    if (now.state != QueueState::waiting && now.state != QueueState::running) continue;
    APHEX_CHECK(start(now));
    ++running;
  }
  return {};
}

void Dispatcher::run(const os::CancelToken& cancel,
                     const std::function<void(const Error&)>& complain) {
  while (!cancel.cancelled()) {
    if (const Status turned = turn(); !turned) complain(turned.error());
    if (parts_.clock.sleep(kTurn, cancel) == os::Clock::Wake::cancelled) return;
  }
}

}  // namespace aphex::server
