#include "store/run_database.hpp"

#include <fmt/format.h>

namespace aphex::store {
namespace {

constexpr std::string_view kRunColumns =
    "id, pipeline, state, plan_digest, plan, commit_sha, repository_url, branch, author, message,"
    " options, restarted_from, owner_pid, owner_start, created_at, started_at, ended_at, exit_code,"
    " error_code, error_message, error_hint,"
    " (SELECT min(next.id) FROM runs AS next WHERE next.restarted_from = runs.id)";

RunRecord read_run(const Statement& row) {
  RunRecord run;
  int column = 0;
  run.id = row.integer(column++);
  run.pipeline = row.text(column++);
  run.state = run_state_from(row.text(column++)).value_or(RunState::failed);
  run.plan_digest = row.text(column++);
  run.plan = row.text(column++);
  run.commit_sha = row.text(column++);
  run.repository_url = row.text(column++);
  run.branch = row.text(column++);
  run.author = row.text(column++);
  run.message = row.text(column++);
  run.options = row.text(column++);
  run.restarted_from = row.optional_integer(column++);
  run.owner_pid = row.integer(column++);
  run.owner_start = row.integer(column++);
  run.created_at = row.integer(column++);
  run.started_at = row.optional_integer(column++);
  run.ended_at = row.optional_integer(column++);
  run.exit_code = row.optional_integer(column++);
  const std::optional<std::string> code = row.optional_text(column);
  if (code) run.failure = Failure{*code, row.text(column + 1), row.text(column + 2)};
  run.restarted_as = row.optional_integer(column + 3);
  return run;
}

Result<std::vector<RunRecord>> read_runs(Statement& query) {
  std::vector<RunRecord> runs;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return runs;
    runs.push_back(read_run(query));
  }
}

}  // namespace

RunDatabase::RunDatabase(Database database, std::shared_ptr<os::Clock> clock)
    : database_(std::move(database)), clock_(std::move(clock)) {}

Millis RunDatabase::now() const {
  return clock_->now().time_since_epoch().count();
}

Result<std::unique_ptr<RunDatabase>> RunDatabase::open(const std::filesystem::path& path,
                                                       std::shared_ptr<os::Clock> clock) {
  APHEX_TRY(Database database, Database::open(path));
  return std::unique_ptr<RunDatabase>(new RunDatabase(std::move(database), std::move(clock)));
}

Status RunDatabase::begin_ids_after(std::int64_t highest) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT INTO sqlite_sequence (name, seq) SELECT 'runs', ? WHERE NOT"
                              " EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'runs')"));
  return insert.bind(highest).run();
}

Result<std::int64_t> RunDatabase::create_run(const NewRun& run,
                                             const std::function<Status(std::int64_t)>& claim) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  {
    APHEX_TRY(Statement insert,
              database_.prepare(
                  "INSERT INTO runs (pipeline, state, plan_digest, plan, commit_sha,"
                  " repository_url, branch, author, message, options, restarted_from, request,"
                  " owner_pid, owner_start, created_at) VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?,"
                  " ?, ?, ?, ?, ?, ?)"));
    insert.bind(run.pipeline).bind(run.plan_digest).bind(run.plan).bind(run.commit_sha);
    insert.bind(run.repository_url).bind(run.branch).bind(run.author).bind(run.message);
    insert.bind(run.options).bind_optional(run.restarted_from).bind_optional(run.request);
    insert.bind(run.owner_pid);
    insert.bind(run.owner_start).bind(now());
    APHEX_CHECK(insert.run());
  }
  const std::int64_t id = database_.last_insert_id();
  for (std::size_t i = 0; i < run.stages.size(); ++i) {
    APHEX_TRY(Statement insert,
              database_.prepare("INSERT INTO stages (run_id, id, attempt, position, kind, state)"
                                " VALUES (?, ?, 1, ?, ?, 'pending')"));
    insert.bind(id).bind(run.stages[i].id).bind(static_cast<std::int64_t>(i));
    insert.bind(run.stages[i].kind);
    APHEX_CHECK(insert.run());
  }
  APHEX_CHECK(claim(id));
  APHEX_CHECK(transaction.commit());
  return id;
}

Status RunDatabase::requeue_run(std::int64_t id, std::int64_t owner_pid, std::int64_t owner_start) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE runs SET state = 'queued', owner_pid = ?, owner_start = ?,"
                              " ended_at = NULL, exit_code = NULL, error_code = NULL,"
                              " error_message = NULL, error_hint = NULL WHERE id = ?"));
  return update.bind(owner_pid).bind(owner_start).bind(id).run();
}

Status RunDatabase::start_run(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE runs SET state = 'running',"
                              " started_at = coalesce(started_at, ?) WHERE id = ?"));
  return update.bind(now()).bind(id).run();
}

Status RunDatabase::finish_run(std::int64_t id, RunState state, int exit_code,
                               const std::optional<Failure>& failure) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE runs SET state = ?, ended_at = ?, exit_code = ?,"
                              " error_code = ?, error_message = ?, error_hint = ? WHERE id = ?"));
  update.bind(to_string(state)).bind(now()).bind(std::int64_t{exit_code});
  const auto field = [&](std::string Failure::*member) {
    return failure ? std::optional<std::string>((*failure).*member) : std::nullopt;
  };
  update.bind_optional(field(&Failure::code))
      .bind_optional(field(&Failure::message))
      .bind_optional(field(&Failure::hint));
  return update.bind(id).run();
}

Status RunDatabase::interrupt_run(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  for (const std::string_view sql :
       {"UPDATE steps SET state = 'interrupted', ended_at = ? WHERE run_id = ? AND state ="
        " 'running'",
        "UPDATE stages SET state = 'interrupted', ended_at = ? WHERE run_id = ? AND state ="
        " 'running'",
        "UPDATE runs SET state = 'interrupted', ended_at = ?, error_code = 'cancelled',"
        " error_message = 'the process that executed the run ended without a word' WHERE id = ?"}) {
    APHEX_TRY(Statement update, database_.prepare(sql));
    APHEX_CHECK(update.bind(now()).bind(id).run());
  }
  return transaction.commit();
}

Result<int> RunDatabase::begin_stage(std::int64_t run, const std::string& stage) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  int attempt = 1;
  bool pending = false;
  std::int64_t position = 0;
  std::string kind;
  {
    APHEX_TRY(Statement query,
              database_.prepare("SELECT attempt, state, position, kind FROM stages WHERE run_id ="
                                " ? AND id = ? ORDER BY attempt DESC LIMIT 1"));
    query.bind(run).bind(stage);
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) {
      return fail(ErrorCode::not_found, fmt::format("run {} has no stage {}", run, stage));
    }
    attempt = static_cast<int>(query.integer(0));
    pending = query.text(1) == "pending";
    position = query.integer(2);
    kind = query.text(3);
  }
  if (pending) {
    APHEX_TRY(Statement update,
              database_.prepare("UPDATE stages SET state = 'running', started_at = ? WHERE run_id"
                                " = ? AND id = ? AND attempt = ?"));
    APHEX_CHECK(update.bind(now()).bind(run).bind(stage).bind(std::int64_t{attempt}).run());
  } else {
    ++attempt;
    APHEX_TRY(Statement insert,
              database_.prepare("INSERT INTO stages (run_id, id, attempt, position, kind, state,"
                                " started_at) VALUES (?, ?, ?, ?, ?, 'running', ?)"));
    insert.bind(run).bind(stage).bind(std::int64_t{attempt}).bind(position).bind(kind);
    APHEX_CHECK(insert.bind(now()).run());
  }
  APHEX_CHECK(transaction.commit());
  return attempt;
}

Status RunDatabase::finish_stage(const StageKey& key, WorkState state,
                                 const std::optional<std::string>& error) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE stages SET state = ?, ended_at = ?, error = ? WHERE run_id ="
                              " ? AND id = ? AND attempt = ?"));
  update.bind(to_string(state)).bind(now()).bind_optional(error);
  return update.bind(key.run).bind(key.stage).bind(std::int64_t{key.attempt}).run();
}

Status RunDatabase::begin_step(const StageKey& key, const StepRecord& step) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT INTO steps (run_id, stage_id, attempt, position, id, kind,"
                              " title, state, tries, started_at, log) VALUES (?, ?, ?, ?, ?, ?, ?,"
                              " 'running', 1, ?, ?)"));
  insert.bind(key.run).bind(key.stage).bind(std::int64_t{key.attempt});
  insert.bind(std::int64_t{step.position}).bind(step.id).bind(step.kind).bind(step.title);
  return insert.bind(now()).bind(step.log).run();
}

Status RunDatabase::finish_step(const StageKey& key, const StepRecord& step) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE steps SET state = ?, ended_at = ?, exit_code = ?, summary ="
                              " ?, error = ?, tries = ? WHERE run_id = ? AND stage_id = ? AND"
                              " attempt = ? AND position = ?"));
  update.bind(to_string(step.state))
      .bind(now())
      .bind_optional(step.exit_code)
      .bind_optional(step.summary);
  update.bind_optional(step.error).bind(std::int64_t{step.tries});
  update.bind(key.run).bind(key.stage).bind(std::int64_t{key.attempt});
  return update.bind(std::int64_t{step.position}).run();
}

Status RunDatabase::add_process_group(std::int64_t run, const ProcessGroup& group) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT OR REPLACE INTO process_groups VALUES (?, ?, ?, ?)"));
  insert.bind(run).bind(std::int64_t{group.process_group});
  return insert.bind(static_cast<std::int64_t>(group.start_time)).bind(group.boot).run();
}

Status RunDatabase::remove_process_group(std::int64_t run, int process_group) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement remove,
            database_.prepare("DELETE FROM process_groups WHERE run_id = ? AND process_group = ?"));
  return remove.bind(run).bind(std::int64_t{process_group}).run();
}

Status RunDatabase::clear_process_groups(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement remove, database_.prepare("DELETE FROM process_groups WHERE run_id = ?"));
  return remove.bind(run).run();
}

Result<std::vector<ProcessGroup>> RunDatabase::process_groups(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(
                "SELECT process_group, start_time, boot FROM process_groups WHERE run_id = ?"));
  query.bind(run);
  std::vector<ProcessGroup> groups;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return groups;
    groups.push_back({static_cast<int>(query.integer(0)),
                      static_cast<std::uint64_t>(query.integer(1)), query.text(2)});
  }
}

Status RunDatabase::replace_outputs(std::int64_t run, const std::string& environment,
                                    const std::vector<OutputRecord>& outputs) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  {
    APHEX_TRY(Statement remove,
              database_.prepare("DELETE FROM outputs WHERE run_id = ? AND environment = ?"));
    APHEX_CHECK(remove.bind(run).bind(environment).run());
  }
  for (const OutputRecord& output : outputs) {
    APHEX_TRY(Statement insert, database_.prepare("INSERT INTO outputs VALUES (?, ?, ?, ?, ?)"));
    insert.bind(run).bind(environment).bind(output.stack).bind(output.key);
    APHEX_CHECK(insert.bind(output.value).run());
  }
  return transaction.commit();
}

Result<std::vector<OutputRecord>> RunDatabase::outputs(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT environment, stack, key, value FROM outputs WHERE run_id = ?"
                              " ORDER BY environment, stack, key"));
  query.bind(run);
  std::vector<OutputRecord> outputs;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return outputs;
    outputs.push_back({query.text(0), query.text(1), query.text(2), query.text(3)});
  }
}

Result<RunRecord> RunDatabase::run(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format("SELECT {} FROM runs WHERE id = ?", kRunColumns)));
  query.bind(id);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) {
    return fail(ErrorCode::not_found, fmt::format("there is no run {}", id),
                "'aphex runs --all' lists the runs that there are");
  }
  return read_run(query);
}

Result<std::optional<std::int64_t>> RunDatabase::run_of_request(const std::string& request) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("WITH RECURSIVE chain(id) AS ("
                              "SELECT id FROM runs WHERE request = ?"
                              " UNION SELECT runs.id FROM runs JOIN chain"
                              " ON runs.restarted_from = chain.id) SELECT max(id) FROM chain"));
  query.bind(request);
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  return query.optional_integer(0);
}

Result<std::optional<std::string>> RunDatabase::request_of_run(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("WITH RECURSIVE chain(id, request, before) AS ("
                              "SELECT id, request, restarted_from FROM runs WHERE id = ?"
                              " UNION SELECT runs.id, runs.request, runs.restarted_from FROM runs"
                              " JOIN chain ON runs.id = chain.before)"
                              " SELECT request FROM chain WHERE request IS NOT NULL"
                              " ORDER BY id DESC LIMIT 1"));
  query.bind(id);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return std::optional<std::string>();
  return std::optional<std::string>(query.text(0));
}

Result<std::vector<RunDatabase::Total>> RunDatabase::totals() {
  const std::lock_guard lock(mutex_);
  // With max(), SQLite takes the other columns from the row that has it.
  APHEX_TRY(Statement query,
            database_.prepare("SELECT pipeline, state, count(*), coalesce(sum(ended_at -"
                              " started_at), 0), max(ended_at), ended_at - started_at FROM runs"
                              " GROUP BY pipeline, state"));
  return read_all(query, [](const Statement& row) {
    return Total{row.text(0),
                 row.text(1),
                 row.integer(2),
                 row.integer(3),
                 row.optional_integer(4),
                 row.optional_integer(5)};
  });
}

Result<std::vector<RunRecord>> RunDatabase::runs(const RunFilter& filter) {
  // Only what is asked for stands in the text: with "? IS NULL OR …" no index would be used.
  std::string where;
  if (filter.pipeline) where += " AND pipeline = ?1";
  if (filter.state) where += " AND state = ?2";
  if (filter.commit_prefix) where += " AND substr(commit_sha, 1, length(?3)) = ?3";
  if (filter.branch) where += " AND branch = ?4";
  if (filter.before) where += " AND id < ?5";
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format("SELECT {} FROM runs WHERE TRUE{} ORDER BY id DESC"
                                          " LIMIT ?6",
                                          kRunColumns, where)));
  query.bind_optional(filter.pipeline);
  query.bind_optional(filter.state ? std::optional<std::string>(to_string(*filter.state))
                                   : std::nullopt);
  query.bind_optional(filter.commit_prefix).bind_optional(filter.branch);
  query.bind_optional(filter.before).bind(std::int64_t{filter.limit});
  return read_runs(query);
}

Result<std::vector<RunRecord>> RunDatabase::unfinished_runs() {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(
      Statement query,
      database_.prepare(fmt::format(
          "SELECT {} FROM runs WHERE state IN ('queued', 'running') ORDER BY id", kRunColumns)));
  return read_runs(query);
}

Result<std::vector<StageRecord>> RunDatabase::stages(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT id, max(attempt), position, kind, state, started_at,"
                              " ended_at, error FROM stages WHERE run_id = ? GROUP BY id ORDER BY"
                              " position"));
  query.bind(run);
  std::vector<StageRecord> stages;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return stages;
    StageRecord stage;
    stage.id = query.text(0);
    stage.attempt = static_cast<int>(query.integer(1));
    stage.position = static_cast<int>(query.integer(2));
    stage.kind = query.text(3);
    stage.state = work_state_from(query.text(4)).value_or(WorkState::failed);
    stage.started_at = query.optional_integer(5);
    stage.ended_at = query.optional_integer(6);
    stage.error = query.optional_text(7);
    stages.push_back(std::move(stage));
  }
}

Result<std::vector<StepRecord>> RunDatabase::steps(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(
                "SELECT steps.stage_id, steps.attempt, steps.position, steps.id, steps.kind,"
                " steps.title, steps.state, steps.tries, steps.started_at, steps.ended_at,"
                " steps.exit_code, steps.summary, steps.error, steps.log FROM steps JOIN stages ON"
                " stages.run_id = steps.run_id AND stages.id = steps.stage_id AND stages.attempt ="
                " steps.attempt WHERE steps.run_id = ? ORDER BY stages.position, steps.attempt,"
                " steps.position"));
  query.bind(run);
  std::vector<StepRecord> steps;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return steps;
    StepRecord step;
    step.stage_id = query.text(0);
    step.attempt = static_cast<int>(query.integer(1));
    step.position = static_cast<int>(query.integer(2));
    step.id = query.text(3);
    step.kind = query.text(4);
    step.title = query.text(5);
    step.state = work_state_from(query.text(6)).value_or(WorkState::failed);
    step.tries = static_cast<int>(query.integer(7));
    step.started_at = query.integer(8);
    step.ended_at = query.optional_integer(9);
    step.exit_code = query.optional_integer(10);
    step.summary = query.optional_text(11);
    step.error = query.optional_text(12);
    step.log = query.text(13);
    steps.push_back(std::move(step));
  }
}

Result<std::optional<StoredPlan>> RunDatabase::stored_plan(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(
                "SELECT plan_digest, plan, commit_sha, repository_url, updated_at FROM pipelines"
                " WHERE name = ?"));
  query.bind(pipeline);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return std::optional<StoredPlan>();
  return std::optional<StoredPlan>(
      StoredPlan{query.text(0), query.text(1), query.text(2), query.text(3), query.integer(4)});
}

Status RunDatabase::replace_plan(const std::string& pipeline, const StoredPlan& plan) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT INTO pipelines VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(name) DO"
                              " UPDATE SET plan_digest = excluded.plan_digest, plan ="
                              " excluded.plan, commit_sha = excluded.commit_sha,"
                              " repository_url = excluded.repository_url, updated_at ="
                              " excluded.updated_at"));
  insert.bind(pipeline).bind(plan.digest).bind(plan.plan).bind(plan.commit_sha);
  insert.bind(plan.repository_url);
  return insert.bind(now()).run();
}

}  // namespace aphex::store
