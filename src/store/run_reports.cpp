#include "store/run_reports.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::store {
namespace {

constexpr std::string_view kSummary =
    "runs.id, runs.served, runs.pipeline, runs.state, runs.commit_sha, runs.branch, runs.author,"
    " runs.message, runs.created_at, runs.started_at, runs.ended_at";
// A trigram index knows nothing of shorter words.
constexpr std::size_t kIndexedCharacters = 3;
// How far back a search for a shorter word looks.
constexpr int kShortWordRuns = 2'000;

RunSummary read_summary(const Statement& row) {
  RunSummary run;
  run.id = row.integer(0);
  run.served = row.text(1);
  run.pipeline = row.text(2);
  run.state = run_state_from(row.text(3)).value_or(RunState::failed);
  run.commit_sha = row.text(4);
  run.branch = row.text(5);
  run.author = row.text(6);
  run.message = row.text(7);
  run.created_at = row.integer(8);
  run.started_at = row.optional_integer(9);
  run.ended_at = row.optional_integer(10);
  return run;
}

// Of FTS5: each word as a phrase, all of them wanted.
std::string match_of(const std::vector<std::string>& words) {
  std::string match;
  for (const std::string& word : words) {
    if (utf8_length(word) < kIndexedCharacters) continue;
    match += (match.empty() ? "\"" : " \"") + replace_all(word, "\"", "\"\"") + "\"";
  }
  return match;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (const std::string& word : split(text, ' ')) {
    if (!trim(word).empty()) words.emplace_back(trim(word));
  }
  return words;
}

// LIKE's own characters stand for themselves.
std::string like_of(const std::string& word) {
  std::string like = "%";
  for (const char c : word) {
    if (c == '%' || c == '_' || c == '\\') like += '\\';
    like += c;
  }
  return like + "%";
}

struct Condition {
  std::string sql;
  std::vector<std::string> texts;     // for its '?', in order
  std::vector<std::int64_t> numbers;  // … behind the texts
};

Condition condition_of(const RunSearch& search) {
  Condition condition{"1", {}, {}};
  const auto add = [&](std::string_view sql, const std::string& text) {
    condition.sql += sql;
    condition.texts.push_back(text);
  };
  const std::vector<std::string> words = words_of(search.text);
  if (const std::string match = match_of(words); !match.empty())
    add(" AND runs.id IN (SELECT rowid FROM runs_text WHERE runs_text MATCH ?)", match);
  bool short_words = false;
  for (const std::string& word : words) {
    if (utf8_length(word) >= kIndexedCharacters) continue;
    short_words = true;
    add(" AND runs.message || ' ' || runs.branch || ' ' || runs.author LIKE ? ESCAPE '\\'",
        like_of(word));
  }
  if (short_words) {
    condition.sql += fmt::format(" AND runs.id > (SELECT max(id) - {} FROM runs)", kShortWordRuns);
  }
  if (search.served) add(" AND runs.served = ?", *search.served);
  if (search.branch) add(" AND runs.branch = ?", *search.branch);
  if (search.state) add(" AND runs.state = ?", std::string(to_string(*search.state)));
  if (search.before) {
    condition.sql += " AND runs.id < ?";
    condition.numbers.push_back(*search.before);
  } else if (search.after) {
    condition.sql += " AND runs.id > ?";
    condition.numbers.push_back(*search.after);
  }
  return condition;
}

}  // namespace

Result<std::unique_ptr<RunReports>> RunReports::open(const std::filesystem::path& database) {
  APHEX_TRY(Database opened, Database::open(database));
  return std::unique_ptr<RunReports>(new RunReports(std::move(opened)));
}

Result<std::vector<RunSummary>> RunReports::runs(const RunSearch& search) {
  const Condition condition = condition_of(search);
  const bool upwards = search.after && !search.before;
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare(fmt::format(
                                 "SELECT {} FROM runs WHERE {} ORDER BY runs.id {} LIMIT ?",
                                 kSummary, condition.sql, upwards ? "ASC" : "DESC")));
  for (const std::string& text : condition.texts)
    query.bind(text);
  for (const std::int64_t number : condition.numbers)
    query.bind(number);
  query.bind(std::int64_t{search.limit});
  APHEX_TRY(std::vector<RunSummary> runs, read_all(query, read_summary));
  if (upwards) std::reverse(runs.begin(), runs.end());
  return runs;
}

Result<std::vector<RunBar>> RunReports::bars(const std::string& served, int count) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT id, state, started_at, ended_at FROM runs WHERE served = ?"
                              " ORDER BY id DESC LIMIT ?"));
  query.bind(served).bind(std::int64_t{count});
  APHEX_TRY(std::vector<RunBar> bars, read_all(query, [](const Statement& row) {
              return RunBar{row.integer(0), run_state_from(row.text(1)).value_or(RunState::failed),
                            row.optional_integer(2), row.optional_integer(3)};
            }));
  std::reverse(bars.begin(), bars.end());
  return bars;
}

Result<std::vector<StageOfRun>> RunReports::stages(const std::vector<std::int64_t>& runs) {
  if (runs.empty()) return std::vector<StageOfRun>();
  std::string ids;
  for (const std::int64_t run : runs)
    ids += (ids.empty() ? "" : ",") + std::to_string(run);
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format("SELECT run_id, id, max(attempt), position, state FROM"
                                          " stages WHERE run_id IN ({}) GROUP BY run_id, id"
                                          " ORDER BY run_id, position",
                                          ids)));
  return read_all(query, [](const Statement& row) {
    return StageOfRun{row.integer(0), row.text(1), static_cast<int>(row.integer(3)),
                      work_state_from(row.text(4)).value_or(WorkState::failed)};
  });
}

Result<std::vector<std::string>> RunReports::served() {
  const std::lock_guard lock(mutex_);
  // From each name to the next one in the index, not through every run.
  APHEX_TRY(
      Statement query,
      database_.prepare("WITH RECURSIVE names(name) AS (SELECT min(served) FROM runs UNION ALL"
                        " SELECT (SELECT min(served) FROM runs WHERE served > name) FROM names"
                        " WHERE name IS NOT NULL) SELECT name FROM names WHERE name IS NOT"
                        " NULL"));
  return read_all(query, [](const Statement& row) { return row.text(0); });
}

Result<std::int64_t> RunReports::count(const std::string& served) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare("SELECT count(*) FROM runs WHERE served = ?"));
  query.bind(served);
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  return query.integer(0);
}

Result<std::string> RunReports::served_as(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare("SELECT served FROM runs WHERE id = ?"));
  query.bind(run);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none)
    return fail(ErrorCode::not_found, fmt::format("there is no run {}", run));
  return query.text(0);
}

Result<std::vector<RunOrigin>> RunReports::origins(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  // The first of those that handed over to one another; an engine bounds how many they are.
  std::optional<std::string> request;
  for (std::optional<std::int64_t> id = run; id && !request;) {
    APHEX_TRY(Statement query,
              database_.prepare("SELECT request, restarted_from FROM runs WHERE id = ?"));
    query.bind(*id);
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) break;
    request = query.optional_text(0);
    id = query.optional_integer(1);
  }
  APHEX_TRY(
      Statement query,
      database_.prepare(
          "SELECT number, request, kind, asked_by, run_id, pull_request, created_at FROM queue"
          " WHERE request = ?1 UNION SELECT number, request, kind, asked_by, run_id,"
          " pull_request, created_at FROM queue WHERE run_id = ?2 AND kind = 'resume'"
          " ORDER BY 1"));
  query.bind_optional(request).bind(run);
  return read_all(query, [](const Statement& row) {
    return RunOrigin{
        row.integer(0),          row.text(1),   row.text(2), row.text(3), row.optional_integer(4),
        row.optional_integer(5), row.integer(6)};
  });
}

Result<std::optional<std::int64_t>> RunReports::previous(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT max(before.id) FROM runs AS this JOIN runs AS before ON"
                              " before.served = this.served AND before.id < this.id WHERE this.id"
                              " = ?"));
  query.bind(run);
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  return query.optional_integer(0);
}

Result<std::vector<FinishedRun>> RunReports::finished_runs(const std::string& served, Millis since,
                                                           int limit) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT id, state, branch, asked_at, started_at, ended_at FROM runs"
                              " WHERE served = ? AND ended_at >= ? AND ended_at IS NOT NULL"
                              " ORDER BY ended_at DESC LIMIT ?"));
  query.bind(served).bind(since).bind(std::int64_t{limit});
  APHEX_TRY(std::vector<FinishedRun> runs, read_all(query, [](const Statement& row) {
              return FinishedRun{row.integer(0),
                                 run_state_from(row.text(1)).value_or(RunState::failed),
                                 row.text(2),
                                 row.integer(3),
                                 row.optional_integer(4),
                                 row.integer(5)};
            }));
  std::reverse(runs.begin(), runs.end());
  return runs;
}

Result<std::vector<FinishedStage>> RunReports::finished_stages(const std::string& served,
                                                               Millis since, int limit) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(
      Statement query,
      database_.prepare(
          "SELECT stages.run_id, stages.id, stages.kind, stages.position, stages.state,"
          " stages.started_at, stages.ended_at, stages.attempt FROM (SELECT id FROM runs WHERE"
          " served = ? AND ended_at >= ? AND ended_at IS NOT NULL ORDER BY ended_at DESC"
          " LIMIT ?) AS chosen JOIN stages ON stages.run_id = chosen.id WHERE"
          " stages.started_at IS NOT NULL AND stages.ended_at IS NOT NULL"));
  query.bind(served).bind(since).bind(std::int64_t{limit});
  // The last attempt counts; within a run and stage, attempts come in their order.
  std::vector<FinishedStage> stages;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) break;
    FinishedStage stage{query.integer(0),
                        query.text(1),
                        query.text(2),
                        static_cast<int>(query.integer(3)),
                        work_state_from(query.text(4)).value_or(WorkState::failed),
                        query.integer(5),
                        query.integer(6)};
    if (!stages.empty() && stages.back().run == stage.run && stages.back().id == stage.id) {
      stages.back() = std::move(stage);
    } else {
      stages.push_back(std::move(stage));
    }
  }
  std::sort(stages.begin(), stages.end(),
            [](const FinishedStage& a, const FinishedStage& b) { return a.ended_at < b.ended_at; });
  return stages;
}

}  // namespace aphex::store
