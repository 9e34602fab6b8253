#pragma once
// SQLite behind RAII: a connection, prepared statements, transactions. The only user of sqlite3.h.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aphex::store {

class Database;

// A prepared statement. Bind by position from 1, step through rows, read columns from 0. Its
// database outlives it.
class Statement {
 public:
  ~Statement();
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept = delete;

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view value);
  Statement& bind_optional(const std::optional<std::int64_t>& value);
  Statement& bind_optional(const std::optional<std::string>& value);

  enum class Row { here, none };
  Result<Row> step();
  // For statements without rows.
  Status run();

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  std::optional<std::string> optional_text(int column) const;

 private:
  friend class Database;
  struct State;
  explicit Statement(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  int next_parameter_ = 1;
};

class Database {
 public:
  struct State;  // opaque
  // Creates the file and its schema where there is none. WAL, foreign keys on, five seconds of
  // patience with other processes. Errors: unsupported (newer schema), corrupt, permission, io.
  static Result<Database> open(const std::filesystem::path& path);
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept = delete;

  // A statement that has ended is kept compiled for the next that has the same text.
  Result<Statement> prepare(std::string_view sql);
  Status execute(std::string_view sql);
  std::int64_t last_insert_id() const;
  // PRAGMA integrity_check; the first complaint as an Error.
  Status check_integrity();
  // PRAGMA quick_check: every page, but not whether indexes agree with their tables.
  Status check_quickly();
  // A consistent copy of all that is committed, while others write. `path` must not exist.
  Status copy_to(const std::filesystem::path& path);

 private:
  explicit Database(std::unique_ptr<State> state);
  Status use_write_ahead_log();
  Status check(std::string_view pragma);
  std::unique_ptr<State> state_;
};

// BEGIN IMMEDIATE … COMMIT; rolled back unless commit() was called.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  ~Transaction();
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) noexcept = delete;
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

// Every row of a query, each as `read` makes it.
template <typename Read>
auto read_all(Statement& query, Read read) -> Result<std::vector<decltype(read(query))>> {
  std::vector<decltype(read(query))> rows;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return rows;
    rows.push_back(read(query));
  }
}

}  // namespace aphex::store
