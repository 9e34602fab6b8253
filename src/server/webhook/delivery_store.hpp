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
#include "server/http/group_work.hpp"
#include "server/server_config.hpp"
#include "store/database.hpp"
#include "store/run_records.hpp"

namespace aphex::server {

// The reason of a delivery that is older than what has come already.
inline constexpr std::string_view kOutdated = "it came after what is newer; nothing is run for it";
// Of an entry that was cancelled, as its run's process ends (cli/exit_code.hpp).
inline constexpr std::int64_t kCancelledExit = 130;

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
  // SHA-256 of its body, which is what the signature is of; empty: one of its bytes may come again.
  std::string content;
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
  std::string commit;  // that was asked for; empty: the branch's newest when its turn comes
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
  std::string asked_by;                // empty: a delivery
  std::optional<std::int64_t> run_id;  // that a resume goes on with, or a retry repeats
  // That it makes or goes on with, or the last of those that this one has handed over to; nothing:
  // it is not made yet.
  std::optional<std::int64_t> run;
  std::string run_commit;  // of the run that it has made
  bool asks = false;       // its run waits for people (approval:)
  std::optional<std::int64_t> pull_request;
  std::string branch_id;  // of a branch with a pipeline of its own (engine/run_scope.hpp)
  std::string before;     // of a push: the commit that it started from
  std::optional<store::Millis> source_time;  // when it happened, by GitHub's clock
  std::optional<store::Millis> parked_at;    // its process was ended with the server
  // The process that executes it.
  std::optional<std::int64_t> owner_pid;
  std::optional<std::int64_t> owner_start;

  // Entries of one lane execute one at a time, in their order.
  std::string lane() const;
  // What was asked for, or what it came to be; empty: the branch's newest, its turn has not come.
  std::string known_commit() const;
};

// The name of a branch's own pipeline, as its runs bear it.
std::string branch_pipeline(std::string_view pipeline, std::string_view branch_id);

class DeliveryStore {
 public:
  static Result<std::unique_ptr<DeliveryStore>> open(const std::filesystem::path& database,
                                                     std::shared_ptr<os::Clock> clock);

  enum class Recorded {
    now,
    before,    // a delivery of this id or with these bytes was accepted, and nothing is done
    outdated,  // it happened before what has come already: recorded, and nothing is run for it
  };
  // All of it or nothing, on the disk when it returns. `runs` are the entries to queue;
  // `supersede` says of each whether those that wait in its place are superseded: of the same
  // pipeline and branch, or of the same pull request.
  struct NewEntry {
    QueueEntry entry;
    Supersede supersede = Supersede::queued;
    // Why nothing new is to be done, where that is so: "the pull request was closed".
    std::string only_supersedes = {};
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
  // By the process that executes it, which is parked no more.
  struct Owner {
    std::int64_t pid = 0;
    std::int64_t start = 0;
  };
  Status claim(std::int64_t number, Owner owner);
  Status end(std::int64_t number, int exit_code, const std::string& note);
  // Its process is told to end with the server: it stays `running`, for the next server.
  Status park(std::int64_t number);
  // Why it waits, for people.
  Status note(std::int64_t number, const std::string& note);

  // Pipelines of branches that have stacks, by branch_pipeline().
  Result<std::vector<std::string>> deployed_branches();
  // The newest entry of a branch's own pipeline; nothing where there is none.
  Result<std::optional<QueueEntry>> last_of_branch(const std::string& pipeline,
                                                   const std::string& branch_id);
  // Whether the database is still the file of its path: a state directory that was removed or
  // replaced under a server takes what is written with it.
  Status check_place() const;
  // Of every page (PRAGMA quick_check).
  Status check_integrity();

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
  struct FileId {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const FileId&, const FileId&) = default;
  };
  static std::optional<FileId> file_id(const std::filesystem::path& path);

  DeliveryStore(store::Database database, store::Database reads, std::shared_ptr<os::Clock> clock,
                std::filesystem::path path)
      : database_(std::move(database)),
        reads_(std::move(reads)),
        clock_(std::move(clock)),
        path_(std::move(path)),
        file_(file_id(path_)) {}
  Result<std::vector<Count>> counts(std::string_view sql);
  // All within mutex_ and a transaction.
  enum class Placed { queued, outdated, needless };
  Result<Placed> place(const NewEntry& run);
  Result<std::optional<std::string>> newer_than(const QueueEntry& entry);
  Result<std::optional<std::string>> end_after(const QueueEntry& entry);
  Status remember_end(const QueueEntry& entry, std::string_view what);
  Result<bool> has_something_to_tear_down(const QueueEntry& entry);
  Status supersede(const QueueEntry& entry, std::string_view note);
  Status insert(const QueueEntry& entry);
  Result<Recorded> put(const Delivery& delivery, const std::vector<NewEntry>& runs);
  Result<bool> is_known(const Delivery& delivery);
  Result<std::optional<std::string>> id_of_content(const Delivery& delivery);
  Status insert(const Delivery& delivery);
  struct Record;
  Status record_all(std::span<Record* const> records);
  std::int64_t latest_credible() const;  // of GitHub's dates
  std::int64_t now() const { return clock_->now().time_since_epoch().count(); }

  std::mutex mutex_;  // guards database_, which writes
  store::Database database_;
  std::mutex reads_mutex_;  // guards reads_: who only reads does not wait for the disk
  store::Database reads_;
  GroupWork<Record> recording_;
  std::shared_ptr<os::Clock> clock_;
  std::filesystem::path path_;
  std::optional<FileId> file_;
};

}  // namespace aphex::server
