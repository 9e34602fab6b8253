#pragma once
// Deliveries and the queue of runs that they ask for, in the state directory's database.
// Thread-safe; a server and the processes that execute its runs have it open at once.
//
// A delivery is answered when it is on the disk, and a disk takes its time for each commit. So
// deliveries that come while one is being written wait, and are then written by one commit.

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "os/clock.hpp"
#include "server/group_work.hpp"
#include "server/server_config.hpp"
#include "store/database.hpp"
#include "store/run_records.hpp"

namespace aphex::server {

enum class Verdict { accepted, ignored, rejected };
std::string_view to_string(Verdict verdict);

struct Delivery {
  std::string id;
  std::string client;
  std::string event;
  std::string repository;
  std::string branch;
  std::string commit;
  Verdict verdict = Verdict::rejected;
  std::string reason;
};

struct DeliveryRecord {
  std::int64_t number = 0;
  store::Millis received_at = 0;
  std::string id, client, event, repository, branch, commit, verdict, reason;
};

enum class QueueState { waiting, running, ended, superseded };
std::string_view to_string(QueueState state);

// What an entry asks for.
enum class EntryKind {
  push,          // the commit's whole pipeline
  pull_request,  // its head is validated, nothing is deployed
  manual,        // a commit that somebody has asked for
  resume,        // to go on with run_id
  retry,         // the commit of run_id, from the start
  teardown,      // of what a branch's own pipeline has deployed
};
std::string_view to_string(EntryKind kind);

struct QueueEntry {
  std::int64_t number = 0;
  std::string request;  // of the run: <delivery>/<pipeline>
  std::string pipeline;
  std::string branch;
  std::string commit;
  std::string author;
  std::string message;
  QueueState state = QueueState::waiting;
  int starts = 0;
  store::Millis created_at = 0;
  std::optional<store::Millis> started_at;
  std::optional<store::Millis> ended_at;
  std::optional<std::int64_t> exit_code;
  std::string note;
  EntryKind kind = EntryKind::push;
  std::string asked_by;  // empty: a delivery
  std::optional<std::int64_t> run_id;
  std::optional<std::int64_t> pull_request;
};

class DeliveryStore {
 public:
  static Result<std::unique_ptr<DeliveryStore>> open(const std::filesystem::path& database,
                                                     std::shared_ptr<os::Clock> clock);

  enum class Recorded { now, before };
  // All of it or nothing, on the disk when it returns. `before`: a delivery of this id is recorded
  // already, and nothing was done. `runs` are the entries to queue; `supersedes` says of each
  // whether those of the same pipeline and branch that wait are superseded.
  struct NewEntry {
    QueueEntry entry;
    Supersede supersede = Supersede::queued;
  };
  Result<Recorded> record(const Delivery& delivery, const std::vector<NewEntry>& runs);

  // What a person asks for. The entry's request names it: asking twice queues once. So does what
  // asks for the same as an entry that waits. The number.
  Result<std::int64_t> enqueue(const QueueEntry& entry);

  // Waiting and running, oldest first.
  Result<std::vector<QueueEntry>> open_entries();
  Result<QueueEntry> entry(std::int64_t number);  // not_found
  Result<std::optional<QueueEntry>> entry_of_request(const std::string& request);
  // Ends one that waits. already_exists: it does not wait any more; not_found.
  Status cancel_waiting(std::int64_t number, const std::string& note);
  // A process is about to be started for it.
  Status begin(std::int64_t number);
  Status end(std::int64_t number, int exit_code, const std::string& note);

  // Newest first; with `before`, only those with a smaller number.
  Result<std::vector<QueueEntry>> entries(int limit, std::optional<std::int64_t> before = {});
  Result<std::vector<DeliveryRecord>> deliveries(int limit,
                                                 std::optional<std::int64_t> before = {});
  struct Count {
    std::string what;
    std::int64_t count = 0;
  };
  Result<std::vector<Count>> count_deliveries();  // by verdict
  Result<std::vector<Count>> count_entries();     // by state

 private:
  DeliveryStore(store::Database database, store::Database reads, std::shared_ptr<os::Clock> clock)
      : database_(std::move(database)), reads_(std::move(reads)), clock_(std::move(clock)) {}
  Result<std::vector<Count>> counts(std::string_view sql);
  // Within mutex_ and a transaction.
  Status insert(const QueueEntry& entry);
  Result<Recorded> put(const Delivery& delivery, const std::vector<NewEntry>& runs);
  struct Record;
  Status record_all(std::span<Record* const> records);
  std::int64_t now() const { return clock_->now().time_since_epoch().count(); }

  std::mutex mutex_;  // guards database_, which writes
  store::Database database_;
  std::mutex reads_mutex_;  // guards reads_: who only reads does not wait for the disk
  store::Database reads_;
  GroupWork<Record> recording_;
  std::shared_ptr<os::Clock> clock_;
};

}  // namespace aphex::server
