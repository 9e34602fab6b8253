#pragma once
// What the pages show of many runs at once: lists, bars, trends. A connection of its own, so that
// nobody who writes waits for a page; a query per list, never one per row. Thread-safe.

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/database.hpp"
#include "store/run_records.hpp"

namespace aphex::store {

// A run without its plan and options.
struct RunSummary {
  std::int64_t id = 0;
  std::string served;    // its pipeline, as the server calls it
  std::string pipeline;  // … and as its plan does
  RunState state = RunState::queued;
  std::string commit_sha;
  std::string branch;
  std::string author;
  std::string message;
  Millis created_at = 0;
  std::optional<Millis> started_at;
  std::optional<Millis> ended_at;
};

struct RunSearch {
  std::optional<std::string> served;
  std::optional<std::string> branch;
  std::optional<RunState> state;
  std::string text;                    // words, each in the message, author, branch or commit
  std::optional<std::int64_t> before;  // older than this run …
  std::optional<std::int64_t> after;   // … or newer, the nearest of them
  int limit = 30;
};

struct RunBar {
  std::int64_t id = 0;
  RunState state = RunState::queued;
  std::optional<Millis> started_at;
  std::optional<Millis> ended_at;
};

struct StageOfRun {
  std::int64_t run = 0;
  std::string id;
  int position = 0;
  WorkState state = WorkState::pending;
};

// Why a run is there: its entry in the queue.
struct RunOrigin {
  std::int64_t entry = 0;
  std::string request;
  std::string kind;      // push, manual, …
  std::string asked_by;  // empty: a delivery
  std::optional<std::int64_t> of_run;
  std::optional<std::int64_t> pull_request;
  Millis asked_at = 0;
};

struct FinishedRun {
  std::int64_t id = 0;
  RunState state = RunState::succeeded;
  std::string branch;
  Millis asked_at = 0;  // when its commit was first asked for
  std::optional<Millis> started_at;
  Millis ended_at = 0;
};

// The last attempt of a stage that has ended.
struct FinishedStage {
  std::int64_t run = 0;
  std::string id;
  std::string kind;
  int position = 0;
  WorkState state = WorkState::succeeded;
  Millis started_at = 0;
  Millis ended_at = 0;
};

class RunReports {
 public:
  static Result<std::unique_ptr<RunReports>> open(const std::filesystem::path& database);

  // Newest first.
  Result<std::vector<RunSummary>> runs(const RunSearch& search);
  // The last runs of a pipeline, oldest first.
  Result<std::vector<RunBar>> bars(const std::string& served, int count);
  // Of all these runs, in their order.
  Result<std::vector<StageOfRun>> stages(const std::vector<std::int64_t>& runs);
  // Names under which the runs' pipelines are served, in alphabetical order.
  Result<std::vector<std::string>> served();
  Result<std::int64_t> count(const std::string& served);
  Result<std::string> served_as(std::int64_t run);  // not_found
  // What asked for it first, then what asked to go on with it; nothing where no server was asked.
  Result<std::vector<RunOrigin>> origins(std::int64_t run);
  // The run of its pipeline and branch before this one.
  Result<std::optional<std::int64_t>> previous(std::int64_t run);

  // What ended since then, oldest first; the latest `limit` of it.
  Result<std::vector<FinishedRun>> finished_runs(const std::string& served, Millis since,
                                                 int limit);
  Result<std::vector<FinishedStage>> finished_stages(const std::string& served, Millis since,
                                                     int limit);

 private:
  explicit RunReports(Database database) : database_(std::move(database)) {}

  std::mutex mutex_;  // guards database_
  Database database_;
};

}  // namespace aphex::store
