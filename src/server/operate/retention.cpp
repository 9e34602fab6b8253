#include "server/operate/retention.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "os/files.hpp"
#include "server/queue/dispatcher.hpp"
#include "store/artifact_store.hpp"
#include "store/database.hpp"

namespace aphex::server {
namespace {

namespace fs = std::filesystem;
using store::Statement;
using store::Transaction;

constexpr std::int64_t kDayMs = 86'400'000;
// A clock that is wrong by more removes no more than a week too early.
constexpr std::int64_t kMostIdleMs = 7 * kDayMs;
constexpr std::int64_t kBatch = 200;
constexpr std::size_t kCommitDigits = 40;
// Pages given back to the file system in one transaction: 8 MB.
constexpr int kVacuumPages = 2000;
constexpr int kMostVacuums = 100'000;

class Remover {
 public:
  Remover(store::Database& database, const engine::StatePaths& paths, const Retention& retention,
          const os::CancelToken& cancel)
      : database_(database), paths_(paths), retention_(retention), cancel_(cancel) {}

  Result<Removed> run(std::int64_t now) {
    APHEX_TRY(const std::int64_t newest, number("SELECT max(coalesce((SELECT max(created_at) FROM"
                                                " runs), 0), coalesce((SELECT max(received_at)"
                                                " FROM deliveries), 0))"));
    const std::int64_t today = std::min(now, newest + kMostIdleMs);
    cut_ = today - std::int64_t{retention_.days} * kDayMs;
    audit_cut_ = today - std::int64_t{retention_.audit_days} * kDayMs;
    APHEX_CHECK(remove_runs());
    APHEX_CHECK(remove_entries());
    APHEX_CHECK(remove_in_batches("deliveries", "received_at", cut_, removed_.deliveries));
    std::int64_t ends = 0;  // nobody asks how many
    APHEX_CHECK(remove_in_batches("source_ends", "source_time", cut_, ends));
    APHEX_CHECK(remove_in_batches("audit", "at", audit_cut_, removed_.audit));
    APHEX_CHECK(remove_artifacts());
    if (removed_.anything()) APHEX_CHECK(give_back_space());
    return removed_;
  }

 private:
  Result<std::int64_t> number(std::string_view sql) {
    APHEX_TRY(Statement query, database_.prepare(sql));
    APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
    return query.integer(0);
  }

  Result<std::vector<std::int64_t>> numbers(Statement& query) {
    std::vector<std::int64_t> found;
    while (true) {
      APHEX_TRY(const Statement::Row row, query.step());
      if (row == Statement::Row::none) return found;
      found.push_back(query.integer(0));
    }
  }

  // One that handed over goes after the run that it handed over to.
  Result<std::vector<std::int64_t>> old_runs() {
    APHEX_TRY(
        Statement query,
        database_.prepare(
            "WITH ranked AS (SELECT id, row_number() OVER (PARTITION BY pipeline ORDER BY id DESC)"
            "   AS place FROM runs),"
            " successes AS (SELECT id, row_number() OVER (PARTITION BY pipeline ORDER BY id DESC)"
            "   AS place FROM runs WHERE state = 'succeeded')"
            " SELECT id FROM runs WHERE created_at < ? AND state NOT IN ('queued', 'running')"
            " AND id NOT IN (SELECT id FROM ranked WHERE place <= ?)"
            " AND id NOT IN (SELECT id FROM successes WHERE place <= 2)"
            " AND NOT EXISTS (SELECT 1 FROM runs AS next WHERE next.restarted_from = runs.id)"
            " AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.state IN ('waiting', 'running')"
            "   AND (queue.run_id = runs.id OR queue.request = runs.request))"
            " ORDER BY id"));
    query.bind(cut_).bind(std::int64_t{retention_.keep});
    return numbers(query);
  }

  Status remove_runs() {
    while (true) {
      APHEX_TRY(const std::vector<std::int64_t> found, old_runs());
      const std::int64_t before = removed_.runs;
      for (const std::int64_t id : found) {
        if (cancel_.cancelled()) return {};
        APHEX_CHECK(remove_run(id));
      }
      if (removed_.runs == before) return {};
    }
  }

  Status remove_run(std::int64_t id) {
    const fs::path directory = paths_.run(id);
    std::error_code ignored;
    const bool there = fs::exists(directory, ignored);
    std::optional<os::FileLock> owner;
    if (there) {
      // Somebody may have resumed it since we looked.
      APHEX_TRY(owner, os::FileLock::try_acquire(engine::RunPaths{directory}.owner_lock()));
      if (!owner) return {};
    }
    {
      APHEX_TRY(Statement remove, database_.prepare("DELETE FROM runs WHERE id = ? AND state NOT"
                                                    " IN ('queued', 'running')"));
      APHEX_CHECK(remove.bind(id).run());
    }
    if (there) APHEX_CHECK(os::remove_tree(directory));
    ++removed_.runs;
    return {};
  }

  Status remove_entries() {
    const DispatchPaths files{paths_.root / "server"};
    while (!cancel_.cancelled()) {
      std::vector<std::int64_t> found;
      {
        APHEX_TRY(Statement query,
                  database_.prepare(
                      "SELECT number FROM queue WHERE ended_at < ? AND state IN ('ended',"
                      " 'superseded') AND number NOT IN (SELECT max(number) FROM queue GROUP BY"
                      " pipeline, branch) AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.request ="
                      " queue.request) ORDER BY number LIMIT ?"));
        query.bind(cut_).bind(kBatch);
        APHEX_TRY(found, numbers(query));
      }
      if (found.empty()) return {};
      APHEX_TRY(Transaction transaction, Transaction::begin(database_));
      for (const std::int64_t entry : found) {
        APHEX_TRY(Statement remove, database_.prepare("DELETE FROM queue WHERE number = ?"));
        APHEX_CHECK(remove.bind(entry).run());
      }
      APHEX_CHECK(transaction.commit());
      for (const std::int64_t entry : found) {
        APHEX_CHECK(os::remove_tree(files.log(entry)));
        APHEX_CHECK(os::remove_tree(files.lock(entry)));
      }
      removed_.entries += static_cast<std::int64_t>(found.size());
    }
    return {};
  }

  Status remove_in_batches(std::string_view table, std::string_view time, std::int64_t before,
                           std::int64_t& removed) {
    while (!cancel_.cancelled()) {
      {
        APHEX_TRY(Statement remove,
                  database_.prepare(fmt::format("DELETE FROM {0} WHERE number IN (SELECT number"
                                                " FROM {0} WHERE {1} < ? LIMIT ?)",
                                                table, time)));
        APHEX_CHECK(remove.bind(before).bind(kBatch).run());
      }
      APHEX_TRY(const std::int64_t count, number("SELECT changes()"));
      removed += count;
      if (count == 0) return {};
    }
    return {};
  }

  Result<bool> has_run(const std::string& commit) {
    APHEX_TRY(Statement query, database_.prepare("SELECT EXISTS (SELECT 1 FROM runs WHERE"
                                                 " commit_sha = ?) OR EXISTS (SELECT 1 FROM queue"
                                                 " WHERE commit_sha = ? AND state IN ('waiting',"
                                                 " 'running'))"));
    query.bind(commit).bind(commit);
    APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
    return query.integer(0) != 0;
  }

  // Of commits that no run is left of: in the state directory's own store. A bucket has rules of
  // its own.
  Status remove_artifacts() {
    const std::unique_ptr<store::ArtifactStore> artifacts =
        store::make_directory_store(paths_.artifacts());
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(paths_.artifacts(), absent)) {
      const std::string name = entry.path().filename().string();
      if (cancel_.cancelled()) return {};
      if (!is_hex(name.substr(0, kCommitDigits), kCommitDigits)) continue;
      if (age_of(entry.path()) < std::chrono::days(retention_.days)) continue;
      APHEX_TRY(const bool wanted, has_run(name.substr(0, kCommitDigits)));
      if (wanted) continue;
      APHEX_TRY(const std::vector<store::BlobInfo> blobs, artifacts->list(name + "/"));
      for (const store::BlobInfo& blob : blobs)
        APHEX_CHECK(artifacts->remove(blob.key));
      APHEX_CHECK(os::remove_tree(entry.path()));
      ++removed_.artifacts;
    }
    return {};
  }

  static std::chrono::seconds age_of(const fs::path& path) {
    std::error_code error;
    const auto written = fs::last_write_time(path, error);
    if (error) return std::chrono::seconds(0);
    return std::chrono::duration_cast<std::chrono::seconds>(fs::file_time_type::clock::now() -
                                                            written);
  }

  Status give_back_space() {
    for (int i = 0; i < kMostVacuums && !cancel_.cancelled(); ++i) {
      APHEX_TRY(const std::int64_t before, number("PRAGMA freelist_count"));
      if (before == 0) return {};
      APHEX_CHECK(database_.execute(fmt::format("PRAGMA incremental_vacuum({})", kVacuumPages)));
      APHEX_TRY(const std::int64_t after, number("PRAGMA freelist_count"));
      // A database of an earlier version gives nothing back; its free pages are used again.
      if (after >= before) return {};
    }
    return {};
  }

  store::Database& database_;
  const engine::StatePaths& paths_;
  const Retention& retention_;
  const os::CancelToken& cancel_;
  std::int64_t cut_ = 0;
  std::int64_t audit_cut_ = 0;
  Removed removed_;
};

}  // namespace

Result<Removed> remove_old(const engine::StatePaths& paths, const Retention& retention,
                           os::Clock& clock, const os::CancelToken& cancel) {
  APHEX_TRY(store::Database database, store::Database::open(paths.database()));
  return Remover(database, paths, retention, cancel).run(clock.now().time_since_epoch().count());
}

}  // namespace aphex::server
