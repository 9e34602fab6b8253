#include "store/database.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>
#include <sqlite3.h>

#include "os/files.hpp"
#include "store/schema_sql.hpp"

namespace aphex::store {
namespace {

constexpr std::int64_t kSchemaVersion = 1 + std::int64_t{kMigrations.size()};
// Another process writes for milliseconds; five seconds without its turn means that it is stuck.
constexpr int kBusyTimeoutMs = 5'000;
// Above the number of statements that all our code has; each keeps a few KiB.
constexpr std::size_t kMostIdleStatements = 128;

ErrorCode code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::corrupt;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return ErrorCode::permission;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::unavailable;
    default:
      return ErrorCode::io;
  }
}

std::string_view hint_of(int result) {
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "bring a backup back by 'aphex restore FILE --force', or move the file aside to start "
             "afresh (runs so far are lost to it)";
    case SQLITE_FULL:
      return "make room on the disk";
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return "make the state directory writable, or choose another by APHEX_STATE_DIR";
    case SQLITE_BUSY:
      return "another aphex holds the database; try again";
    default:
      return "";
  }
}

}  // namespace

struct Database::State {
  sqlite3* handle = nullptr;
  std::filesystem::path path;
  // Compiled and reset, by their text: most are asked again and again.
  std::unordered_map<std::string, sqlite3_stmt*> idle;

  ~State() {
    for (const auto& [sql, statement] : idle)
      sqlite3_finalize(statement);
    sqlite3_close_v2(handle);
  }

  void give_back(sqlite3_stmt* statement) {
    // An error of its last step is known already. Reset, it holds neither lock nor snapshot.
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    if (idle.size() < kMostIdleStatements && idle.emplace(sqlite3_sql(statement), statement).second)
      return;
    sqlite3_finalize(statement);
  }

  tl::unexpected<Error> error(std::string_view doing) const {
    const int result = sqlite3_extended_errcode(handle);
    return fail(code_of(result),
                fmt::format("database {}: {}: {}", path.string(), doing, sqlite3_errmsg(handle)),
                std::string(hint_of(result)));
  }
};

struct Statement::State {
  sqlite3_stmt* handle = nullptr;
  Database::State* database = nullptr;
  ~State() {
    if (handle != nullptr) database->give_back(handle);
  }
};

Statement::Statement(std::unique_ptr<State> state) : state_(std::move(state)) {}
Statement::~Statement() = default;
Statement::Statement(Statement&&) noexcept = default;

Statement& Statement::bind(std::int64_t value) {
  sqlite3_bind_int64(state_->handle, next_parameter_++, value);
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  sqlite3_bind_text(state_->handle, next_parameter_++, value.data(), static_cast<int>(value.size()),
                    SQLITE_TRANSIENT);  // NOLINT: sqlite's macro
  return *this;
}

Statement& Statement::bind_optional(const std::optional<std::int64_t>& value) {
  if (value) return bind(*value);
  sqlite3_bind_null(state_->handle, next_parameter_++);
  return *this;
}

Statement& Statement::bind_optional(const std::optional<std::string>& value) {
  if (value) return bind(std::string_view(*value));
  sqlite3_bind_null(state_->handle, next_parameter_++);
  return *this;
}

Result<Statement::Row> Statement::step() {
  const int result = sqlite3_step(state_->handle);
  if (result == SQLITE_ROW) return Row::here;
  if (result == SQLITE_DONE) return Row::none;
  return state_->database->error(sqlite3_sql(state_->handle));
}

Status Statement::run() {
  APHEX_TRY([[maybe_unused]] const Row row, step());
  return {};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(state_->handle, column);
}

std::string Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(state_->handle, column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(state_->handle, column))};
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (sqlite3_column_type(state_->handle, column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

std::optional<std::string> Statement::optional_text(int column) const {
  if (sqlite3_column_type(state_->handle, column) == SQLITE_NULL) return std::nullopt;
  return text(column);
}

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::~Database() = default;
Database::Database(Database&&) noexcept = default;

Result<Database> Database::open(const std::filesystem::path& path) {
  if (Status made = os::make_directories(path.parent_path()); !made) {
    return fail_because(
        fmt::format("cannot use the state directory {}", path.parent_path().string()),
        std::move(made.error()));
  }
  auto state = std::make_unique<State>();
  state->path = path;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &state->handle, flags, nullptr) != SQLITE_OK) {
    return state->error("open");
  }
  sqlite3_busy_timeout(state->handle, kBusyTimeoutMs);
  Database database(std::move(state));
  // Before the first table: what the server removes can then be given back
  // (server/operate/retention.hpp).
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) == 0)
    APHEX_CHECK(database.execute("PRAGMA auto_vacuum = INCREMENTAL"));
  if (!database.use_write_ahead_log()) return database.state_->error("open");
  // NORMAL with WAL: a killed process loses nothing; a power cut may lose the last commits but
  // never the file.
  APHEX_CHECK(database.execute("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"));

  APHEX_TRY(Transaction transaction, Transaction::begin(database));
  std::int64_t version = 0;
  {
    APHEX_TRY(Statement query, database.prepare("PRAGMA user_version"));
    APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
    version = query.integer(0);
  }
  if (version > kSchemaVersion) {
    return fail(ErrorCode::unsupported,
                fmt::format("database {} has schema version {}, this aphex knows up to {}",
                            path.string(), version, kSchemaVersion),
                "use the newer aphex that wrote it, or another APHEX_STATE_DIR");
  }
  if (version == 0) APHEX_CHECK(database.execute(kSchemaSql));
  for (std::int64_t old = std::max<std::int64_t>(version, 1); old < kSchemaVersion; ++old)
    APHEX_CHECK(database.execute(kMigrations[static_cast<std::size_t>(old - 1)]));
  if (version != kSchemaVersion) {
    APHEX_CHECK(database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion)));
  }
  APHEX_CHECK(transaction.commit());
  return database;
}

Status Database::use_write_ahead_log() {
  // SQLite does not wait its busy timeout for this lock when two processes open a new file at the
  // same moment: each holds what the other wants to upgrade. The one that is refused lets go and
  // asks again.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyTimeoutMs);
  while (true) {
    Status switched = execute("PRAGMA journal_mode = WAL");
    const bool busy = !switched && (sqlite3_errcode(state_->handle) & 0xff) == SQLITE_BUSY;
    if (!busy || std::chrono::steady_clock::now() >= end) return switched;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Result<Statement> Database::prepare(std::string_view sql) {
  auto state = std::make_unique<Statement::State>();
  state->database = state_.get();
  if (auto found = state_->idle.extract(std::string(sql)); !found.empty()) {
    state->handle = found.mapped();
    return Statement(std::move(state));
  }
  if (sqlite3_prepare_v2(state_->handle, sql.data(), static_cast<int>(sql.size()), &state->handle,
                         nullptr) != SQLITE_OK) {
    return state_->error(sql);
  }
  return Statement(std::move(state));
}

Status Database::execute(std::string_view sql) {
  if (sqlite3_exec(state_->handle, std::string(sql).c_str(), nullptr, nullptr, nullptr) !=
      SQLITE_OK) {
    return state_->error(sql.substr(0, 60));
  }
  return {};
}

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(state_->handle);
}

Status Database::check_integrity() {
  return check("PRAGMA integrity_check(1)");
}

Status Database::check_quickly() {
  return check("PRAGMA quick_check(1)");
}

Status Database::check(std::string_view pragma) {
  APHEX_TRY(Statement query, prepare(pragma));
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  if (query.text(0) == "ok") return {};
  return fail(ErrorCode::corrupt,
              fmt::format("database {}: {}", state_->path.string(), query.text(0)),
              std::string(hint_of(SQLITE_CORRUPT)));
}

Status Database::copy_to(const std::filesystem::path& path) {
  State copy;
  copy.path = path;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &copy.handle, flags, nullptr) != SQLITE_OK)
    return copy.error("open");
  sqlite3_backup* backup = sqlite3_backup_init(copy.handle, "main", state_->handle, "main");
  if (backup == nullptr) return copy.error("copy");
  // In one step, which reads one snapshot: copied in several, it begins again with each commit of
  // somebody else. With a write-ahead log nobody waits for a reader.
  const int result = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (result != SQLITE_DONE) return copy.error("copy");
  // The copy is one file: nobody has to know of a log beside it.
  if (sqlite3_exec(copy.handle, "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr) !=
      SQLITE_OK) {
    return copy.error("copy");
  }
  return {};
}

Result<Transaction> Transaction::begin(Database& database) {
  APHEX_CHECK(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // Nothing to tell anybody: what led here is already an error, and closing rolls back too.
  if (database_ != nullptr) (void)database_->execute("ROLLBACK");
}

Transaction::Transaction(Transaction&& other) noexcept : database_(other.database_) {
  other.database_ = nullptr;
}

Status Transaction::commit() {
  APHEX_CHECK(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace aphex::store
