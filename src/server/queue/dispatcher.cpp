#include "server/queue/dispatcher.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <signal.h>

namespace aphex::server {
namespace {

constexpr std::chrono::milliseconds kTurn{200};
// From fork to flock; a loaded machine takes its time.
constexpr std::chrono::seconds kStartTime{10};
// A process that dies time and again is killed by something that another start does not mend.
constexpr int kMaxStarts = 20;
// A step gets ten seconds to end gracefully, then its group is killed.
constexpr std::chrono::seconds kParkTime{30};

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
  // What ends here at once is told as ended, too.
  executed_.insert(entry.number);
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
  return parts_.start(entry);
}

struct Dispatcher::Look {
  std::vector<QueueEntry> entries;
  std::vector<const QueueEntry*> due;
  std::size_t running = 0;
  // Pipelines of branches that have stacks or a run.
  std::set<std::string> branches;
};

Result<Dispatcher::Look> Dispatcher::look() {
  Look look;
  APHEX_TRY(look.entries, parts_.store.open_entries());
  APHEX_CHECK(tell_ended(look.entries));
  APHEX_TRY(const std::vector<std::string> deployed, parts_.store.deployed_branches());
  look.branches.insert(deployed.begin(), deployed.end());
  std::set<std::string> busy;  // lanes whose turn is somebody's
  for (const QueueEntry& entry : look.entries) {
    if (entry.state != QueueState::running) continue;
    busy.insert(entry.lane());
    if (!entry.branch_id.empty()) look.branches.insert(entry.lane());
    APHEX_TRY(const bool alive, executes(entry));
    // It may have ended between the two looks.
    if (alive) {
      // Who waits for people, for a day perhaps, keeps no other pipeline waiting.
      if (!entry.asks) ++look.running;
    } else {
      look.due.push_back(&entry);
    }
  }
  for (const QueueEntry& entry : look.entries) {
    if (entry.state == QueueState::waiting && busy.insert(entry.lane()).second)
      look.due.push_back(&entry);
  }
  // Whoever opens pull requests keeps no deployment waiting.
  std::stable_partition(look.due.begin(), look.due.end(), [](const QueueEntry* entry) {
    return entry->kind != EntryKind::pull_request;
  });
  return look;
}

Status Dispatcher::tell_ended(const std::vector<QueueEntry>& open) {
  std::set<std::int64_t> executing;
  for (const QueueEntry& entry : open) {
    executed_.erase(entry.number);
    if (entry.state == QueueState::running) executing.insert(entry.number);
  }
  for (const std::int64_t number : std::exchange(executed_, executing)) {
    APHEX_TRY(const QueueEntry entry, parts_.store.entry(number));
    if (parts_.ended) parts_.ended(entry);
  }
  return {};
}

Result<bool> Dispatcher::has_room(const QueueEntry& entry, Look& look) {
  if (entry.branch_id.empty() || entry.kind == EntryKind::teardown) return true;
  const std::string lane = entry.lane();
  if (look.branches.contains(lane)) return true;
  const ServedPipeline* pipeline = parts_.config.find(entry.pipeline);
  if (pipeline == nullptr || !pipeline->branches) return true;  // it ends with that reason
  const std::string prefix = branch_pipeline(entry.pipeline, "");
  const auto count =
      std::count_if(look.branches.begin(), look.branches.end(),
                    [&](const std::string& each) { return each.starts_with(prefix); });
  if (static_cast<std::uint32_t>(count) < pipeline->branches->most) {
    look.branches.insert(lane);
    return true;
  }
  const std::string why = fmt::format(
      "waits until another branch of {} is deleted: {} have pipelines of their own "
      "(branches.most)",
      entry.pipeline, count);
  if (entry.note != why) APHEX_CHECK(parts_.store.note(entry.number, why));
  return false;
}

Status Dispatcher::turn() {
  APHEX_TRY(Look look, this->look());
  if (look.due.empty() || (parts_.pause && parts_.pause())) return {};
  for (const QueueEntry* entry : look.due) {
    if (look.running >= parts_.config.max_runs) break;
    APHEX_TRY(const QueueEntry now, parts_.store.entry(entry->number));
    if (now.state != QueueState::waiting && now.state != QueueState::running) continue;
    APHEX_TRY(const bool room, has_room(now, look));
    if (!room) continue;
    APHEX_CHECK(start(now));
    ++look.running;
  }
  return {};
}

Result<std::vector<QueueEntry>> Dispatcher::executing() {
  APHEX_TRY(const std::vector<QueueEntry> entries, parts_.store.open_entries());
  std::vector<QueueEntry> found;
  for (const QueueEntry& entry : entries) {
    if (entry.state != QueueState::running) continue;
    APHEX_TRY(const bool alive, executes(entry));
    if (alive) found.push_back(entry);
  }
  return found;
}

Status Dispatcher::end_runs() {
  if (parts_.config.runs_at_end == RunsAtEnd::leave) return {};
  const auto begin = parts_.clock.steady();
  const auto wait_for = parts_.config.runs_at_end == RunsAtEnd::finish ? parts_.config.end_time
                                                                       : std::chrono::seconds(0);
  std::set<std::int64_t> told;
  while (true) {
    APHEX_TRY(const std::vector<QueueEntry> entries, executing());
    if (entries.empty()) return {};
    const auto waited = parts_.clock.steady() - begin;
    if (waited >= wait_for + kParkTime) {
      return fail(ErrorCode::timeout,
                  fmt::format("{} runs were told to end and have not; the next server finds them",
                              entries.size()));
    }
    for (const QueueEntry& entry : entries) {
      // One that has only just begun takes the mark away when it takes its entry.
      if (waited < wait_for) break;
      if (!entry.parked_at) APHEX_CHECK(parts_.store.park(entry.number));
      const std::int64_t pid = entry.owner_pid.value_or(0);
      const Result<std::uint64_t> start = os::process_start_time(static_cast<int>(pid));
      if (pid <= 0 || !start || static_cast<std::int64_t>(*start) != entry.owner_start) continue;
      if (told.insert(pid).second) ::kill(static_cast<pid_t>(pid), SIGTERM);
    }
    (void)parts_.clock.sleep(kTurn, os::CancelToken());
  }
}

void Dispatcher::run(const os::CancelToken& cancel,
                     const std::function<void(const Error&)>& complain) {
  while (!cancel.cancelled()) {
    if (const Status turned = turn(); !turned) complain(turned.error());
    if (parts_.clock.sleep(kTurn, cancel) == os::Clock::Wake::cancelled) return;
  }
}

}  // namespace aphex::server
