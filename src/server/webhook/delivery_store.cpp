#include "server/webhook/delivery_store.hpp"

#include <array>

#include <fmt/format.h>
#include <sys/stat.h>

namespace aphex::server {
namespace {

using store::read_all;
using store::Statement;
using store::Transaction;

// Rejected deliveries are anybody's to send: as many are kept as one looks through.
constexpr std::int64_t kMostRejected = 10'000;

constexpr std::array<std::string_view, 3> kVerdicts{"accepted", "ignored", "rejected"};
constexpr std::array<std::string_view, 4> kStates{"waiting", "running", "ended", "superseded"};
constexpr std::array<std::string_view, 6> kKinds{"push",   "pull_request", "manual",
                                                 "resume", "retry",        "teardown"};

// How far GitHub's clock and ours may lie apart. One wrong date, a year ahead, would make
// everything late that comes after it; so it is none.
constexpr std::int64_t kAheadMillis = std::int64_t{24} * 60 * 60 * 1000;
constexpr std::string_view kBranchDeleted = "the branch was deleted";

// The run that an entry has made or goes on with, or the last of those that this one has led to by
// handing over. Whoever resumes a run after its entry has ended asks for that by another entry.
constexpr std::string_view kRunOfEntry =
    "(WITH RECURSIVE chain(id) AS (SELECT coalesce((SELECT id FROM runs WHERE runs.request ="
    " queue.request), CASE queue.kind WHEN 'resume' THEN queue.run_id END)"
    " UNION SELECT runs.id FROM runs JOIN chain ON runs.restarted_from = chain.id"
    " WHERE queue.ended_at IS NULL OR runs.created_at <= queue.ended_at)"
    " SELECT max(id) FROM chain)";

constexpr std::string_view kEntryColumns =
    "number, request, pipeline, branch, commit_sha, author, message, state, starts, created_at,"
    " started_at, ended_at, exit_code, note, kind, asked_by, run_id, pull_request, branch_id,"
    " before_sha, source_time, parked_at, owner_pid, owner_start,"
    " {0}, (SELECT commit_sha FROM runs WHERE runs.request = queue.request),"
    " queue.state = 'running' AND EXISTS (SELECT 1 FROM approvals WHERE approvals.state ="
    " 'pending' AND approvals.run_id = {0})";

std::string entry_columns() {
  return fmt::format(kEntryColumns, kRunOfEntry);
}

// The first of the enum where the word is of a newer version.
template <typename Enum, std::size_t Count>
Enum enum_of(const std::array<std::string_view, Count>& words, std::string_view word) {
  for (std::size_t i = 0; i < Count; ++i) {
    if (words[i] == word) return static_cast<Enum>(i);
  }
  return Enum{};
}

QueueEntry read_entry(const Statement& query) {
  QueueEntry entry;
  entry.number = query.integer(0);
  entry.request = query.text(1);
  entry.pipeline = query.text(2);
  entry.branch = query.text(3);
  entry.commit = query.text(4);
  entry.author = query.text(5);
  entry.message = query.text(6);
  entry.state = enum_of<QueueState>(kStates, query.text(7));
  entry.starts = static_cast<int>(query.integer(8));
  entry.created_at = query.integer(9);
  entry.started_at = query.optional_integer(10);
  entry.ended_at = query.optional_integer(11);
  entry.exit_code = query.optional_integer(12);
  entry.note = query.text(13);
  entry.kind = enum_of<EntryKind>(kKinds, query.text(14));
  entry.asked_by = query.text(15);
  entry.run_id = query.optional_integer(16);
  entry.pull_request = query.optional_integer(17);
  entry.branch_id = query.text(18);
  entry.before = query.text(19);
  entry.source_time = query.optional_integer(20);
  entry.parked_at = query.optional_integer(21);
  entry.owner_pid = query.optional_integer(22);
  entry.owner_start = query.optional_integer(23);
  entry.run = query.optional_integer(24);
  entry.run_commit = query.text(25);
  entry.asks = query.integer(26) != 0;
  return entry;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  return kVerdicts[static_cast<std::size_t>(verdict)];
}

std::string_view to_string(QueueState state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::string_view to_string(EntryKind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string branch_pipeline(std::string_view pipeline, std::string_view branch_id) {
  return fmt::format("{}@{}", pipeline, branch_id);
}

std::string QueueEntry::lane() const {
  // No branch's id is so short: a pull request waits for other pull requests alone.
  if (pull_request) return branch_pipeline(pipeline, "pr");
  return branch_id.empty() ? pipeline : branch_pipeline(pipeline, branch_id);
}

std::string QueueEntry::known_commit() const {
  return commit.empty() ? run_commit : commit;
}

std::optional<DeliveryStore::FileId> DeliveryStore::file_id(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileId{status.st_dev, status.st_ino};
}

Status DeliveryStore::check_place() const {
  if (file_id(path_) == file_) return {};
  return fail(
      ErrorCode::corrupt,
      fmt::format("the database {} was removed or replaced while it was in use", path_.string()),
      "put the state directory back, or restore a backup, and start the server again");
}

Status DeliveryStore::check_integrity() {
  const std::lock_guard lock(mutex_);
  return database_.check_quickly();
}

Result<std::unique_ptr<DeliveryStore>> DeliveryStore::open(const std::filesystem::path& database,
                                                           std::shared_ptr<os::Clock> clock) {
  APHEX_TRY(store::Database opened, store::Database::open(database));
  // An answer of 202 is a promise that a power cut does not break either.
  APHEX_CHECK(opened.execute("PRAGMA synchronous = FULL"));
  APHEX_TRY(store::Database reads, store::Database::open(database));
  return std::unique_ptr<DeliveryStore>(
      new DeliveryStore(std::move(opened), std::move(reads), std::move(clock), database));
}

// A delivery on its way to the disk, and what became of it.
struct DeliveryStore::Record {
  const Delivery& delivery;
  const std::vector<NewEntry>& runs;
  Result<Recorded> result = fail(ErrorCode::internal, "the delivery was not recorded");
};

Result<DeliveryStore::Recorded> DeliveryStore::record(const Delivery& delivery,
                                                      const std::vector<NewEntry>& runs) {
  Record mine{delivery, runs};
  recording_.run(mine, [this](std::span<Record* const> records) {
    const Status committed = record_all(records);
    if (committed) return;
    for (Record* record : records)
      record->result = fail(committed.error());
  });
  return std::move(mine.result);
}

// One commit. A delivery that cannot be recorded leaves nothing and takes no other with it.
Status DeliveryStore::record_all(std::span<Record* const> records) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  for (Record* record : records) {
    APHEX_CHECK(database_.execute("SAVEPOINT delivery"));
    record->result = put(record->delivery, record->runs);
    // A full disk ends the whole transaction, and then there is nothing to go back to.
    if (!record->result && !database_.execute("ROLLBACK TO delivery"))
      return fail(record->result.error());
    APHEX_CHECK(database_.execute("RELEASE delivery"));
  }
  APHEX_CHECK(transaction.commit());
  return check_place();
}

Result<DeliveryStore::Recorded> DeliveryStore::put(const Delivery& delivery,
                                                   const std::vector<NewEntry>& runs) {
  APHEX_TRY(const bool known, is_known(delivery));
  if (known) return Recorded::before;
  APHEX_TRY(const std::optional<std::string> original, id_of_content(delivery));
  if (original) {
    Delivery replay = delivery;
    replay.verdict = Verdict::rejected;
    replay.reason = fmt::format("the same bytes came before, as delivery {}", *original);
    replay.content.clear();
    APHEX_CHECK(insert(replay));
    return Recorded::before;
  }
  APHEX_CHECK(insert(delivery));
  const std::int64_t number = database_.last_insert_id();
  std::size_t outdated = 0;
  for (const NewEntry& run : runs) {
    APHEX_TRY(const Placed placed, place(run));
    if (placed == Placed::outdated) ++outdated;
  }
  const bool late = outdated > 0 && outdated == runs.size();
  if (late) {
    APHEX_TRY(Statement update,
              database_.prepare("UPDATE deliveries SET reason = ? WHERE number = ?"));
    APHEX_CHECK(update.bind(kOutdated).bind(number).run());
  }
  return late ? Recorded::outdated : Recorded::now;
}

Result<bool> DeliveryStore::is_known(const Delivery& delivery) {
  if (delivery.verdict == Verdict::rejected) return false;
  APHEX_TRY(Statement query, database_.prepare("SELECT 1 FROM deliveries WHERE id = ?"
                                               " AND verdict <> 'rejected'"));
  query.bind(delivery.id);
  APHEX_TRY(const Statement::Row row, query.step());
  return row == Statement::Row::here;
}

// Of the delivery that was accepted with these bytes: whoever has read it can send it again, for
// the id is not signed.
Result<std::optional<std::string>> DeliveryStore::id_of_content(const Delivery& delivery) {
  if (delivery.verdict != Verdict::accepted || delivery.content.empty())
    return std::optional<std::string>();
  APHEX_TRY(Statement query, database_.prepare("SELECT id FROM deliveries WHERE content_sha256 = ?"
                                               " AND content_sha256 <> ''"));
  query.bind(delivery.content);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row != Statement::Row::here) return std::optional<std::string>();
  return std::optional(query.text(0));
}

Status DeliveryStore::insert(const Delivery& delivery) {
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT INTO deliveries (id, received_at, client, event, repository,"
                              " branch, commit_sha, verdict, reason, content_sha256)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(delivery.id).bind(now()).bind(delivery.client).bind(delivery.event);
  insert.bind(delivery.repository).bind(delivery.branch).bind(delivery.commit);
  insert.bind(to_string(delivery.verdict)).bind(delivery.reason);
  insert.bind(delivery.verdict == Verdict::accepted ? delivery.content : "");
  APHEX_CHECK(insert.run());
  if (delivery.verdict != Verdict::rejected) return {};
  APHEX_TRY(Statement prune, database_.prepare("DELETE FROM deliveries WHERE verdict = 'rejected'"
                                               " AND number <= ?"));
  return prune.bind(database_.last_insert_id() - kMostRejected).run();
}

// What the entries of one delivery do to the queue.
Result<DeliveryStore::Placed> DeliveryStore::place(const NewEntry& run) {
  QueueEntry entry = run.entry;
  if (entry.source_time && *entry.source_time > latest_credible()) entry.source_time.reset();
  APHEX_TRY(std::optional<std::string> newer, newer_than(entry));
  if (!newer) {
    APHEX_TRY(newer, end_after(entry));
  }
  if (newer) {
    if (!run.only_supersedes.empty()) return Placed::outdated;
    APHEX_CHECK(insert(entry));
    APHEX_TRY(Statement update, database_.prepare("UPDATE queue SET state = 'superseded',"
                                                  " ended_at = ?, note = ? WHERE number = ?"));
    update.bind(now()).bind(*newer);
    APHEX_CHECK(update.bind(database_.last_insert_id()).run());
    return Placed::outdated;
  }
  if (!run.only_supersedes.empty()) {
    APHEX_CHECK(supersede(entry, run.only_supersedes));
    APHEX_CHECK(remember_end(entry, run.only_supersedes));
    return Placed::needless;
  }
  if (entry.kind == EntryKind::teardown) {
    APHEX_CHECK(supersede(entry, kBranchDeleted));
    APHEX_TRY(const bool needed, has_something_to_tear_down(entry));
    if (!needed) {
      APHEX_CHECK(remember_end(entry, kBranchDeleted));
      return Placed::needless;
    }
  } else if (run.supersede == Supersede::queued) {
    APHEX_CHECK(supersede(entry, "superseded by " + entry.commit.substr(0, 12)));
  }
  APHEX_CHECK(insert(entry));
  return Placed::queued;
}

std::int64_t DeliveryStore::latest_credible() const {
  return now() + kAheadMillis;
}

// Why it comes too late, for people. Deliveries come in any order. What a push or a pull request is
// newer than is told by GitHub's clock; of two pushes within its second, by the commits that they
// lead from and to. Where both are silent, the one that comes later counts.
Result<std::optional<std::string>> DeliveryStore::newer_than(const QueueEntry& entry) {
  if (!entry.source_time) return std::nullopt;
  const bool pull = entry.kind == EntryKind::pull_request;
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format(
                "SELECT source_time, before_sha, commit_sha FROM queue WHERE pipeline = ?"
                " AND branch = ? AND {} AND source_time <= ?"
                " ORDER BY source_time DESC, number DESC LIMIT 1",
                pull ? "pull_request = ?" : "kind IN ('push', 'teardown')")));
  query.bind(entry.pipeline).bind(entry.branch);
  if (pull) query.bind_optional(entry.pull_request);
  query.bind(latest_credible());
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return std::nullopt;
  const std::int64_t newest = query.integer(0);
  const std::string before = query.text(1);
  const std::string commit = query.text(2);
  const bool leads_to_it =
      newest == *entry.source_time && !pull && before == entry.commit && commit != entry.before;
  if (newest <= *entry.source_time && !leads_to_it) return std::nullopt;
  if (commit.empty()) return fmt::format("it came after {}", kBranchDeleted);
  return fmt::format("it came after {}, which is newer", commit.substr(0, 12));
}

// The same, of what has no entry.
Result<std::optional<std::string>> DeliveryStore::end_after(const QueueEntry& entry) {
  if (!entry.source_time) return std::nullopt;
  APHEX_TRY(Statement query,
            database_.prepare("SELECT what FROM source_ends WHERE pipeline = ? AND branch = ?"
                              " AND pull_request = ? AND source_time > ?"));
  query.bind(entry.pipeline).bind(entry.branch).bind(entry.pull_request.value_or(0));
  query.bind(*entry.source_time);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return std::nullopt;
  return fmt::format("it came after {}", query.text(0));
}

Status DeliveryStore::remember_end(const QueueEntry& entry, std::string_view what) {
  if (!entry.source_time) return {};
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT INTO source_ends (pipeline, branch, pull_request,"
                              " source_time, what) VALUES (?, ?, ?, ?, ?)"
                              " ON CONFLICT DO UPDATE SET source_time = excluded.source_time,"
                              " what = excluded.what"));
  insert.bind(entry.pipeline).bind(entry.branch).bind(entry.pull_request.value_or(0));
  return insert.bind(*entry.source_time).bind(what).run();
}

Result<bool> DeliveryStore::has_something_to_tear_down(const QueueEntry& entry) {
  APHEX_TRY(Statement query,
            database_.prepare("SELECT EXISTS (SELECT 1 FROM branch_stacks WHERE pipeline = ?1)"
                              " OR EXISTS (SELECT 1 FROM queue WHERE pipeline = ?2 AND"
                              " branch_id = ?3 AND state = 'running' AND kind <> 'teardown'),"
                              " EXISTS (SELECT 1 FROM queue WHERE pipeline = ?2 AND branch_id = ?3"
                              " AND state = 'waiting' AND kind = 'teardown')"));
  query.bind(branch_pipeline(entry.pipeline, entry.branch_id)).bind(entry.pipeline);
  query.bind(entry.branch_id);
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  return query.integer(0) != 0 && query.integer(1) == 0;
}

Status DeliveryStore::supersede(const QueueEntry& entry, std::string_view note) {
  const bool pull = entry.kind == EntryKind::pull_request;
  // A person's wish is superseded by no push.
  APHEX_TRY(
      Statement update,
      database_.prepare(fmt::format(
          "UPDATE queue SET state = 'superseded', ended_at = ?, note = ? WHERE pipeline = ?"
          " AND state = 'waiting' AND {}",
          pull ? "kind = 'pull_request' AND pull_request = ?" : "kind = 'push' AND branch = ?")));
  update.bind(now()).bind(note).bind(entry.pipeline);
  if (pull) return update.bind_optional(entry.pull_request).run();
  return update.bind(entry.branch).run();
}

Status DeliveryStore::insert(const QueueEntry& entry) {
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT INTO queue (request, pipeline, branch, commit_sha, author,"
                              " message, kind, asked_by, run_id, pull_request, branch_id,"
                              " before_sha, source_time, created_at, state)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')"));
  insert.bind(entry.request).bind(entry.pipeline).bind(entry.branch).bind(entry.commit);
  insert.bind(entry.author).bind(entry.message).bind(to_string(entry.kind)).bind(entry.asked_by);
  insert.bind_optional(entry.run_id).bind_optional(entry.pull_request).bind(entry.branch_id);
  insert.bind(entry.before).bind_optional(entry.source_time);
  return insert.bind(now()).run();
}

Result<std::int64_t> DeliveryStore::enqueue(const QueueEntry& entry) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  {
    APHEX_TRY(Statement query, database_.prepare("SELECT number FROM queue WHERE request = ?"));
    query.bind(entry.request);
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::here) return query.integer(0);
  }
  {
    APHEX_TRY(Statement query,
              database_.prepare("SELECT number FROM queue WHERE state = 'waiting' AND kind = ?"
                                " AND pipeline = ? AND branch = ? AND commit_sha = ?"
                                " AND run_id IS ? AND asked_by <> ''"));
    query.bind(to_string(entry.kind)).bind(entry.pipeline).bind(entry.branch).bind(entry.commit);
    query.bind_optional(entry.run_id);
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::here) return query.integer(0);
  }
  APHEX_CHECK(insert(entry));
  const std::int64_t number = database_.last_insert_id();
  APHEX_CHECK(transaction.commit());
  return number;
}

Result<std::vector<QueueEntry>> DeliveryStore::open_entries() {
  const std::lock_guard lock(reads_mutex_);
  // Asked several times a second, beside all that has ended. With statistics of the planner's
  // (ANALYZE) it would read the whole table for its order.
  APHEX_TRY(Statement query,
            reads_.prepare(fmt::format("SELECT {} FROM queue INDEXED BY queue_open WHERE state IN"
                                       " ('waiting', 'running') ORDER BY number",
                                       entry_columns())));
  return read_all(query, read_entry);
}

Result<QueueEntry> DeliveryStore::entry(std::int64_t number) {
  const std::lock_guard lock(reads_mutex_);
  APHEX_TRY(Statement query,
            reads_.prepare(fmt::format("SELECT {} FROM queue WHERE number = ?", entry_columns())));
  query.bind(number);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none)
    return fail(ErrorCode::not_found, fmt::format("the queue has no entry {}", number));
  return read_entry(query);
}

Result<std::optional<QueueEntry>> DeliveryStore::entry_of_request(const std::string& request) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare(fmt::format("SELECT {} FROM queue WHERE request = ?",
                                                           entry_columns())));
  query.bind(request);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return std::optional<QueueEntry>();
  return std::optional<QueueEntry>(read_entry(query));
}

Status DeliveryStore::cancel_waiting(std::int64_t number, const std::string& note) {
  {
    const std::lock_guard lock(mutex_);
    APHEX_TRY(Statement update,
              database_.prepare("UPDATE queue SET state = 'ended', ended_at = ?, exit_code = ?,"
                                " note = ? WHERE number = ? AND state = 'waiting'"
                                " RETURNING number"));
    update.bind(now()).bind(kCancelledExit).bind(note).bind(number);
    APHEX_TRY(const Statement::Row row, update.step());
    if (row == Statement::Row::here) {
      APHEX_CHECK(update.run());  // to its end: only then it is done
      return {};
    }
  }
  APHEX_TRY(const QueueEntry found, entry(number));
  return fail(
      ErrorCode::already_exists,
      fmt::format("entry {} of the queue does not wait: it is {}", number, to_string(found.state)),
      found.state == QueueState::running ? "cancel its run instead" : "");
}

Status DeliveryStore::begin(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE queue SET state = 'running', starts = starts + 1,"
                              " started_at = coalesce(started_at, ?), note = '' WHERE number = ?"
                              " AND state IN ('waiting', 'running')"));
  return update.bind(now()).bind(number).run();
}

Status DeliveryStore::end(std::int64_t number, int exit_code, const std::string& note) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update, database_.prepare("UPDATE queue SET state = 'ended', ended_at = ?,"
                                                " exit_code = ?, note = ? WHERE number = ?"));
  return update.bind(now()).bind(std::int64_t{exit_code}).bind(note).bind(number).run();
}

Status DeliveryStore::park(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  // The start that follows is none that something has killed.
  APHEX_TRY(Statement update, database_.prepare("UPDATE queue SET parked_at = ?, starts = 0"
                                                " WHERE number = ? AND state = 'running'"));
  return update.bind(now()).bind(number).run();
}

Status DeliveryStore::claim(std::int64_t number, Owner owner) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE queue SET parked_at = NULL, owner_pid = ?, owner_start = ?"
                              " WHERE number = ?"));
  return update.bind(owner.pid).bind(owner.start).bind(number).run();
}

Status DeliveryStore::note(std::int64_t number, const std::string& note) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update, database_.prepare("UPDATE queue SET note = ? WHERE number = ?"
                                                " AND state = 'waiting'"));
  return update.bind(note).bind(number).run();
}

Result<std::vector<std::string>> DeliveryStore::deployed_branches() {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT DISTINCT pipeline FROM branch_stacks ORDER BY pipeline"));
  return read_all(query, [](const Statement& row) { return row.text(0); });
}

Result<std::optional<QueueEntry>> DeliveryStore::last_of_branch(const std::string& pipeline,
                                                                const std::string& branch_id) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format("SELECT {} FROM queue WHERE pipeline = ? AND"
                                          " branch_id = ? ORDER BY number DESC LIMIT 1",
                                          entry_columns())));
  query.bind(pipeline).bind(branch_id);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return std::nullopt;
  return read_entry(query);
}

Result<std::vector<QueueEntry>> DeliveryStore::entries(int limit,
                                                       std::optional<std::int64_t> before) {
  const std::lock_guard lock(reads_mutex_);
  APHEX_TRY(Statement query,
            reads_.prepare(fmt::format("SELECT {} FROM queue WHERE number < coalesce(?,"
                                       " 9223372036854775807) ORDER BY number DESC LIMIT ?",
                                       entry_columns())));
  query.bind_optional(before).bind(std::int64_t{limit});
  return read_all(query, read_entry);
}

Result<std::vector<DeliveryRecord>> DeliveryStore::deliveries(int limit,
                                                              std::optional<std::int64_t> before) {
  const std::lock_guard lock(reads_mutex_);
  APHEX_TRY(Statement query,
            reads_.prepare("SELECT number, received_at, id, client, event, repository, branch,"
                           " commit_sha, verdict, reason FROM deliveries"
                           " WHERE number < coalesce(?, 9223372036854775807)"
                           " ORDER BY number DESC LIMIT ?"));
  query.bind_optional(before).bind(std::int64_t{limit});
  return read_all(query, [](const Statement& row) {
    return DeliveryRecord{row.integer(0), row.integer(1), row.text(2), row.text(3), row.text(4),
                          row.text(5),    row.text(6),    row.text(7), row.text(8), row.text(9)};
  });
}

Result<std::vector<DeliveryStore::Count>> DeliveryStore::counts(std::string_view sql) {
  const std::lock_guard lock(reads_mutex_);
  APHEX_TRY(Statement query, reads_.prepare(sql));
  return read_all(query, [](const Statement& row) { return Count{row.text(0), row.integer(1)}; });
}

Result<std::vector<DeliveryStore::Count>> DeliveryStore::count_deliveries() {
  return counts("SELECT verdict, count(*) FROM deliveries GROUP BY verdict ORDER BY verdict");
}

Result<std::vector<DeliveryStore::Count>> DeliveryStore::count_entries() {
  return counts("SELECT state, count(*) FROM queue GROUP BY state ORDER BY state");
}

}  // namespace aphex::server
