#include "store/database.hpp"

#include <filesystem>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::store {
namespace {

// Two processes that start at the same moment in a new state directory, as `aphex run` and a
// script that polls `aphex runs` do. Each connection here has a file handle and locks of its own.
TEST(Database, MayBeOpenedByManyAtTheMomentOfItsCreation) {
  constexpr int kRounds = 20;
  constexpr int kOpeners = 8;
  for (int round = 0; round < kRounds; ++round) {
    const auto directory = os::TemporaryDirectory::create(std::filesystem::temp_directory_path(),
                                                          "aphex-database-test-");
    ASSERT_TRUE(directory) << directory.error().message;
    const std::filesystem::path path = directory->path() / "aphex.db";
    std::latch start(kOpeners);
    std::vector<std::string> complaints(kOpeners);
    std::vector<std::jthread> openers;
    for (int opener = 0; opener < kOpeners; ++opener) {
      openers.emplace_back([&, opener] {
        start.arrive_and_wait();
        if (Result<Database> opened = Database::open(path); !opened) {
          complaints[static_cast<std::size_t>(opener)] = opened.error().message;
        }
      });
    }
    openers.clear();
    for (const std::string& complaint : complaints)
      ASSERT_EQ(complaint, "");
  }
}

// Tables and columns, in an order of their own: a migrated table has its new columns last.
std::set<std::string> shape_of(Database& database) {
  std::set<std::string> shape;
  auto tables = database.prepare(
      "SELECT m.name, m.type, coalesce(p.name, ''), coalesce(p.type, '') FROM sqlite_master m"
      " LEFT JOIN pragma_table_info(m.name) p WHERE m.name NOT LIKE 'sqlite_%'");
  EXPECT_TRUE(tables) << tables.error().message;
  while (*tables->step() == Statement::Row::here) {
    shape.insert(tables->text(0) + " " + tables->text(1) + " " + tables->text(2) + " " +
                 tables->text(3));
  }
  return shape;
}

// As version 1 had them, with a run that must still be there.
constexpr const char* kVersion1 =
    "CREATE TABLE pipelines (name TEXT PRIMARY KEY, plan_digest TEXT NOT NULL, plan TEXT NOT NULL,"
    " commit_sha TEXT NOT NULL, repository_url TEXT NOT NULL, updated_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, state TEXT "
    "NOT"
    " NULL, plan_digest TEXT NOT NULL, plan TEXT NOT NULL, commit_sha TEXT NOT NULL, repository_url"
    " TEXT NOT NULL, branch TEXT NOT NULL, author TEXT NOT NULL, message TEXT NOT NULL, options "
    "TEXT"
    " NOT NULL, restarted_from INTEGER REFERENCES runs(id), owner_pid INTEGER NOT NULL, owner_start"
    " INTEGER NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, "
    "exit_code"
    " INTEGER, error_code TEXT, error_message TEXT, error_hint TEXT) STRICT;"
    "CREATE INDEX runs_by_pipeline ON runs(pipeline, id);"
    "CREATE INDEX runs_unfinished ON runs(state) WHERE state IN ('queued', 'running');"
    "CREATE TABLE stages (run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE, id TEXT "
    "NOT"
    " NULL, attempt INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT"
    " NULL, started_at INTEGER, ended_at INTEGER, error TEXT, PRIMARY KEY (run_id, id, attempt))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE steps (run_id INTEGER NOT NULL, stage_id TEXT NOT NULL, attempt INTEGER NOT NULL,"
    " position INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, state"
    " TEXT NOT NULL, tries INTEGER NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,"
    " exit_code INTEGER, summary TEXT, error TEXT, log TEXT NOT NULL, PRIMARY KEY (run_id, "
    "stage_id,"
    " attempt, position), FOREIGN KEY (run_id, stage_id, attempt) REFERENCES stages(run_id, id,"
    " attempt) ON DELETE CASCADE) STRICT, WITHOUT ROWID;"
    "CREATE TABLE outputs (run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
    " environment TEXT NOT NULL, stack TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (run_id, environment, stack, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE process_groups (run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
    " process_group INTEGER NOT NULL, start_time INTEGER NOT NULL, boot TEXT NOT NULL, PRIMARY KEY"
    " (run_id, process_group)) STRICT, WITHOUT ROWID;"
    "INSERT INTO runs (pipeline, state, plan_digest, plan, commit_sha, repository_url, branch,"
    " author, message, options, owner_pid, owner_start, created_at) VALUES ('app', 'succeeded', '',"
    " '{}', '', '', '', '', '', '{}', 1, 1, 1);"
    "PRAGMA user_version = 1;";

TEST(Database, OfVersion1BecomesWhatANewOneIs) {
  const auto directory = os::TemporaryDirectory::create(std::filesystem::temp_directory_path(),
                                                        "aphex-database-test-");
  ASSERT_TRUE(directory) << directory.error().message;
  {
    // A connection without a schema: the newest one's is dropped again.
    auto old = Database::open(directory->path() / "old.db");
    ASSERT_TRUE(old);
    std::string drops = "PRAGMA foreign_keys = OFF;";
    {
      auto tables = old->prepare(
          "SELECT name FROM sqlite_schema WHERE type = 'table'"
          " AND name NOT LIKE 'sqlite_%'");
      ASSERT_TRUE(tables);
      while (*tables->step() == Statement::Row::here)
        drops += "DROP TABLE IF EXISTS " + tables->text(0) + ";";
    }
    const Status dropped = old->execute(drops);
    ASSERT_TRUE(dropped) << dropped.error().message;
    const Status made = old->execute(kVersion1);
    ASSERT_TRUE(made) << made.error().message;
  }
  auto migrated = Database::open(directory->path() / "old.db");
  ASSERT_TRUE(migrated) << migrated.error().message;
  auto fresh = Database::open(directory->path() / "new.db");
  ASSERT_TRUE(fresh);
  EXPECT_EQ(shape_of(*migrated), shape_of(*fresh));
  auto runs = migrated->prepare("SELECT count(*) FROM runs WHERE request IS NULL");
  ASSERT_TRUE(runs && runs->step());
  EXPECT_EQ(runs->integer(0), 1);
}

class KeptStatements : public testing::Test {
 protected:
  KeptStatements() {
    EXPECT_TRUE(database_.execute("CREATE TABLE t (a INTEGER, b TEXT UNIQUE)"));
    EXPECT_TRUE(insert(1, "one"));
    EXPECT_TRUE(insert(2, "two"));
  }

  Status insert(std::int64_t a, std::optional<std::string> b) {
    APHEX_TRY(Statement insert, database_.prepare("INSERT INTO t VALUES (?, ?)"));
    return insert.bind(a).bind_optional(b).run();
  }

  Result<os::TemporaryDirectory> directory_ = os::TemporaryDirectory::create(
      std::filesystem::temp_directory_path(), "aphex-database-test-");
  std::filesystem::path path_ = directory_->path() / "aphex.db";
  Database database_ = std::move(*Database::open(path_));
};

TEST_F(KeptStatements, BeginAnewWithoutWhatWasBoundBefore) {
  constexpr const char* kSql = "SELECT a FROM t WHERE b = ?";
  {
    auto query = database_.prepare(kSql);
    ASSERT_EQ(*query->bind("two").step(), Statement::Row::here);
    EXPECT_EQ(query->integer(0), 2);
  }
  auto again = database_.prepare(kSql);
  EXPECT_EQ(*again->step(), Statement::Row::none);  // nothing is bound: NULL
}

TEST_F(KeptStatements, MayBeUsedTwiceAtOnce) {
  constexpr const char* kSql = "SELECT a FROM t ORDER BY a";
  auto outer = database_.prepare(kSql);
  std::vector<std::int64_t> seen;
  while (*outer->step() == Statement::Row::here) {
    auto inner = database_.prepare(kSql);
    while (*inner->step() == Statement::Row::here)
      seen.push_back(outer->integer(0) * 10 + inner->integer(0));
  }
  EXPECT_EQ(seen, (std::vector<std::int64_t>{11, 12, 21, 22}));
}

TEST_F(KeptStatements, HoldNothingOfWhatTheyHaveRead) {
  {
    auto query = database_.prepare("SELECT a FROM t");
    ASSERT_EQ(*query->step(), Statement::Row::here);  // and is left there
  }
  auto other = Database::open(path_);
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->execute("INSERT INTO t VALUES (3, 'three')"));
  // All of the log comes into the file only where no snapshot needs the file as it was.
  auto checkpoint = other->prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  ASSERT_EQ(*checkpoint->step(), Statement::Row::here);
  EXPECT_EQ(checkpoint->integer(0), 0);  // not busy
}

TEST_F(KeptStatements, AreGoodAfterAnErrorAndAfterAChangeOfTheSchema) {
  EXPECT_FALSE(insert(3, "two"));
  ASSERT_TRUE(database_.execute("ALTER TABLE t RENAME COLUMN a TO number"));
  EXPECT_TRUE(insert(3, "three"));
  auto query = database_.prepare("SELECT count(*) FROM t");
  ASSERT_EQ(*query->step(), Statement::Row::here);
  EXPECT_EQ(query->integer(0), 3);
}

TEST_F(KeptStatements, AreBoundedHoweverManyTextsThereAre) {
  for (int i = 0; i < 1000; ++i) {
    auto query = database_.prepare("SELECT " + std::to_string(i));
    ASSERT_EQ(*query->step(), Statement::Row::here);
    ASSERT_EQ(query->integer(0), i);
  }
}

}  // namespace
}  // namespace aphex::store
