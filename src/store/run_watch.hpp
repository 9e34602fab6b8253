#pragma once
// Tells when what a page shows has changed, whichever process has written it.

#include <filesystem>
#include <mutex>
#include <string>

#include "store/database.hpp"

namespace aphex::store {

class RunWatch {
 public:
  static Result<std::unique_ptr<RunWatch>> open(const std::filesystem::path& database);

  // Whether anybody has written since the last call. Cheap: SQLite's own counter.
  Result<bool> changed();

  // Marks: equal as long as nothing has changed that the topic is about.
  Result<std::string> overview_mark();  // runs and the queue
  Result<std::string> run_mark(std::int64_t run);
  Result<std::string> deliveries_mark();

 private:
  explicit RunWatch(Database database) : database_(std::move(database)) {}
  Result<std::string> mark(std::string_view sql, std::int64_t parameter);

  std::mutex mutex_;  // guards database_
  Database database_;
  std::int64_t version_ = 0;
};

}  // namespace aphex::store
