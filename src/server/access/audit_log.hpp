#pragma once
// What was asked of the server by whom, and what became of it: only added to. Thread-safe.

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "doc/value.hpp"
#include "os/clock.hpp"
#include "store/database.hpp"
#include "store/run_records.hpp"

namespace aphex::server {

enum class AuditResult {
  done,
  refused,  // by who asks: without a token, or with a role that is too small
  failed,   // by what is asked: a run that is not going cannot be cancelled
};
std::string_view to_string(AuditResult result);

struct AuditEntry {
  std::string who;     // a token's name, "local"; empty: nobody that we know
  std::string client;  // its address; empty: the command line
  std::string action;  // "run.cancel"
  std::string object;  // "run 12"
  AuditResult result = AuditResult::done;
  std::string detail;
};

struct AuditRecord {
  std::int64_t number = 0;
  store::Millis at = 0;
  std::string who, client, action, object, result, detail;
};

// For the API and for scripts.
doc::Value to_value(const AuditRecord& record);

struct AuditFilter {
  std::optional<std::string> who;
  std::optional<std::string> action;
  std::optional<std::int64_t> before;  // only entries with a smaller number
  int limit = 100;
};

class AuditLog {
 public:
  static Result<std::unique_ptr<AuditLog>> open(const std::filesystem::path& database,
                                                std::shared_ptr<os::Clock> clock);

  Status add(const AuditEntry& entry);
  Result<std::vector<AuditRecord>> records(const AuditFilter& filter);  // newest first
  // Forgets what was before `before`: for retention.
  Status prune(store::Millis before);

 private:
  AuditLog(store::Database database, std::shared_ptr<os::Clock> clock)
      : database_(std::move(database)), clock_(std::move(clock)) {}

  std::mutex mutex_;  // guards database_
  store::Database database_;
  std::shared_ptr<os::Clock> clock_;
};

}  // namespace aphex::server
