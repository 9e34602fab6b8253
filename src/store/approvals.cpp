#include "store/approvals.hpp"

#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::store {
namespace {

constexpr std::array<std::pair<ApprovalState, std::string_view>, 5> kStates{{
    {ApprovalState::pending, "pending"},
    {ApprovalState::approved, "approved"},
    {ApprovalState::rejected, "rejected"},
    {ApprovalState::expired, "expired"},
    {ApprovalState::withdrawn, "withdrawn"},
}};

constexpr std::string_view kColumns =
    "a.id, a.run_id, a.environment, a.state, a.digest, a.summary, a.broadens, a.approvers,"
    " a.quorum, a.self_approval, a.created_at, a.expires_at, a.ended_at, r.pipeline, r.state,"
    " r.commit_sha, r.repository_url, r.branch, r.author, r.message";

// A run that was killed may be resumed, and then finds what was decided meanwhile.
bool may_go_on(RunState state) {
  return state == RunState::queued || state == RunState::running || state == RunState::interrupted;
}

Result<std::vector<std::string>> names_from(const std::string& json) {
  APHEX_TRY(const doc::Value value, doc::parse_json(json));
  std::vector<std::string> names;
  if (const doc::Value::Array* items = value.as_array()) {
    for (const doc::Value& item : *items) {
      if (item.is_string()) names.push_back(*item.as_string());
    }
  }
  return names;
}

Result<ApprovalRecord> read_record(const Statement& row) {
  ApprovalRecord record;
  int column = 0;
  record.id = row.integer(column++);
  record.run = row.integer(column++);
  record.environment = row.text(column++);
  record.state = approval_state_from(row.text(column++)).value_or(ApprovalState::withdrawn);
  record.digest = row.text(column++);
  record.summary = row.text(column++);
  record.broadens = row.integer(column++) != 0;
  APHEX_TRY(record.policy.approvers, names_from(row.text(column++)));
  record.policy.quorum = row.integer(column++);
  record.policy.self_approval = row.integer(column++) != 0;
  record.created_at = row.integer(column++);
  record.expires_at = row.integer(column++);
  record.ended_at = row.optional_integer(column++);
  record.pipeline = row.text(column++);
  record.run_state = run_state_from(row.text(column++)).value_or(RunState::failed);
  record.commit_sha = row.text(column++);
  record.repository_url = row.text(column++);
  record.branch = row.text(column++);
  record.author = row.text(column++);
  record.message = row.text(column++);
  return record;
}

std::string time_text(Millis time) {
  return os::format_time(os::WallTime(std::chrono::milliseconds(time))).substr(0, 16) + "Z";
}

std::string subject_of(const ApprovalRecord& record) {
  return fmt::format("the deployment of run {} to {}", record.run, record.environment);
}

Status check_open(const ApprovalRecord& record) {
  if (record.state == ApprovalState::expired) {
    return fail(ErrorCode::timeout,
                fmt::format("{} waited for approval until {}, and was rejected then",
                            subject_of(record), time_text(record.expires_at)),
                fmt::format("'aphex resume {}' asks anew", record.run));
  }
  if (record.state != ApprovalState::pending) {
    return fail(ErrorCode::usage,
                fmt::format("{} is decided: {}", subject_of(record), describe(record)));
  }
  if (!may_go_on(record.run_state)) {
    return fail(ErrorCode::usage,
                fmt::format("run {} waits for nobody any more: it is {}", record.run,
                            to_string(record.run_state)),
                fmt::format("'aphex resume {}' goes on with it", record.run));
  }
  return {};
}

}  // namespace

std::string_view to_string(ApprovalState state) {
  for (const auto& [known, name] : kStates) {
    if (known == state) return name;
  }
  return "withdrawn";
}

std::optional<ApprovalState> approval_state_from(std::string_view text) {
  for (const auto& [state, name] : kStates) {
    if (name == text) return state;
  }
  return std::nullopt;
}

std::string describe(const ApprovalRecord& record) {
  std::vector<std::string> approved;
  for (const DecisionRecord& decision : record.decisions) {
    const std::string comment = decision.comment.empty() ? "" : ": " + decision.comment;
    if (decision.decision == Decision::reject) {
      return fmt::format("rejected by {} at {}{}", decision.who, time_text(decision.decided_at),
                         comment);
    }
    approved.push_back(decision.who);
  }
  const std::string names = join(approved, ", ");
  switch (record.state) {
    case ApprovalState::approved:
      return fmt::format("approved by {} at {}", names,
                         time_text(record.ended_at.value_or(record.created_at)));
    case ApprovalState::expired:
      return fmt::format("expired at {}: {} of {} approvals{}", time_text(record.expires_at),
                         approved.size(), record.policy.quorum,
                         names.empty() ? "" : " (" + names + ")");
    case ApprovalState::withdrawn:
      return "withdrawn: what would change is other by now";
    case ApprovalState::rejected:
      return "rejected";
    case ApprovalState::pending:
      break;
  }
  return fmt::format("waits for {} until {}{}", waits_for(record.policy, record.decisions),
                     time_text(record.expires_at),
                     names.empty() ? "" : ", approved so far by " + names);
}

Result<std::unique_ptr<ApprovalStore>> ApprovalStore::open(const std::filesystem::path& database,
                                                           std::shared_ptr<os::Clock> clock) {
  APHEX_TRY(Database opened, Database::open(database));
  return std::unique_ptr<ApprovalStore>(new ApprovalStore(std::move(opened), std::move(clock)));
}

Status ApprovalStore::add_decisions(ApprovalRecord& record) {
  APHEX_TRY(Statement query,
            database_.prepare("SELECT who, decision, comment, decided_at FROM approval_decisions"
                              " WHERE approval_id = ? ORDER BY decided_at, who"));
  query.bind(record.id);
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return {};
    record.decisions.push_back({query.text(0),
                                decision_from(query.text(1)).value_or(Decision::reject),
                                query.text(2), query.integer(3)});
  }
}

Result<std::vector<ApprovalRecord>> ApprovalStore::select(const std::string& condition,
                                                          const std::vector<std::int64_t>& values) {
  std::vector<ApprovalRecord> records;
  {
    APHEX_TRY(Statement query,
              database_.prepare(fmt::format("SELECT {} FROM approvals a JOIN runs r ON r.id ="
                                            " a.run_id WHERE {} ORDER BY a.id",
                                            kColumns, condition)));
    for (const std::int64_t value : values)
      query.bind(value);
    while (true) {
      APHEX_TRY(const Statement::Row row, query.step());
      if (row == Statement::Row::none) break;
      APHEX_TRY(ApprovalRecord record, read_record(query));
      records.push_back(std::move(record));
    }
  }
  for (ApprovalRecord& record : records)
    APHEX_CHECK(add_decisions(record));
  return records;
}

Result<ApprovalRecord> ApprovalStore::read(std::int64_t id) {
  APHEX_TRY(std::vector<ApprovalRecord> found, select("a.id = ?", {id}));
  if (!found.empty()) return std::move(found.front());
  return fail(ErrorCode::not_found, fmt::format("there is no approval {}", id));
}

// Looked for first: a reader writes only where there is something to write.
Status ApprovalStore::expire_overdue() {
  const Millis time = now();
  {
    APHEX_TRY(Statement query, database_.prepare("SELECT 1 FROM approvals WHERE state = 'pending'"
                                                 " AND expires_at <= ? LIMIT 1"));
    query.bind(time);
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return {};
  }
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE approvals SET state = 'expired', ended_at = expires_at WHERE"
                              " state = 'pending' AND expires_at <= ?"));
  return update.bind(time).run();
}

Status ApprovalStore::end(std::int64_t id, ApprovalState state) {
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE approvals SET state = ?, ended_at = ? WHERE id = ?"));
  return update.bind(to_string(state)).bind(now()).bind(id).run();
}

Result<std::int64_t> ApprovalStore::insert(const NewApproval& approval) {
  APHEX_TRY(Statement statement,
            database_.prepare("INSERT INTO approvals (run_id, environment, state, digest, changes,"
                              " summary, broadens, approvers, quorum, self_approval, created_at,"
                              " expires_at) VALUES (?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  statement.bind(approval.run).bind(approval.environment).bind(approval.digest);
  statement.bind(approval.changes).bind(approval.summary);
  statement.bind(std::int64_t{approval.broadens ? 1 : 0});
  statement.bind(doc::to_json(doc::Value::strings(approval.policy.approvers)));
  statement.bind(approval.policy.quorum);
  statement.bind(std::int64_t{approval.policy.self_approval ? 1 : 0});
  statement.bind(now()).bind(now() + approval.expires_after);
  APHEX_CHECK(statement.run());
  return database_.last_insert_id();
}

Result<ApprovalRecord> ApprovalStore::ask(const NewApproval& approval) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  APHEX_CHECK(expire_overdue());
  APHEX_TRY(const std::vector<ApprovalRecord> earlier, select("a.run_id = ?", {approval.run}));
  std::optional<std::int64_t> answer;
  for (const ApprovalRecord& record : earlier) {
    if (record.environment != approval.environment) continue;
    const bool same = record.digest == approval.digest;
    if (record.state == ApprovalState::pending && !same) {
      APHEX_CHECK(end(record.id, ApprovalState::withdrawn));
    } else if (record.state != ApprovalState::withdrawn) {
      answer.reset();  // the last one says
      APHEX_TRY(Statement taken,
                database_.prepare("SELECT taken_at IS NOT NULL FROM approvals WHERE id = ?"));
      taken.bind(record.id);
      APHEX_TRY([[maybe_unused]] const Statement::Row row, taken.step());
      const bool spent = taken.integer(0) != 0 && record.state != ApprovalState::approved;
      if (same && !spent) answer = record.id;
    }
  }
  if (!answer) {
    APHEX_TRY(answer, insert(approval));
  }
  APHEX_TRY(ApprovalRecord record, read(*answer));
  APHEX_CHECK(transaction.commit());
  return record;
}

Status ApprovalStore::take(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE approvals SET taken_at = ? WHERE id = ? AND taken_at IS"
                              " NULL"));
  return update.bind(now()).bind(id).run();
}

Result<std::vector<ApprovalRecord>> ApprovalStore::pending() {
  const std::lock_guard lock(mutex_);
  APHEX_CHECK(expire_overdue());
  return select("a.state = 'pending' AND r.state IN ('queued', 'running', 'interrupted')", {});
}

Result<std::vector<ApprovalRecord>> ApprovalStore::of_run(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  APHEX_CHECK(expire_overdue());
  return select("a.run_id = ?", {run});
}

Result<ApprovalRecord> ApprovalStore::approval(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  APHEX_CHECK(expire_overdue());
  return read(id);
}

Result<std::string> ApprovalStore::changes(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare("SELECT changes FROM approvals WHERE id = ?"));
  query.bind(id);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::here) return query.text(0);
  return fail(ErrorCode::not_found, fmt::format("there is no approval {}", id));
}

Result<std::optional<ApprovalRecord>> ApprovalStore::approved(std::int64_t run,
                                                              const std::string& environment) {
  APHEX_TRY(std::vector<ApprovalRecord> records, of_run(run));
  std::optional<ApprovalRecord> last;
  for (ApprovalRecord& record : records) {
    if (record.environment == environment && record.state == ApprovalState::approved)
      last = std::move(record);
  }
  return last;
}

Result<ApprovalRecord> ApprovalStore::decide(std::int64_t id, const std::string& who,
                                             Decision decision, const std::string& comment) {
  const std::lock_guard lock(mutex_);
  APHEX_CHECK(expire_overdue());
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  APHEX_TRY(ApprovalRecord record, read(id));
  if (record.state == ApprovalState::pending && record.expires_at <= now()) {
    record.state = ApprovalState::expired;
  }
  APHEX_CHECK(check_open(record));
  DecisionRecord made{who, decision, comment, now()};
  APHEX_CHECK(may_decide(record.policy, record.author, record.decisions, made, subject_of(record)));
  {
    APHEX_TRY(Statement insert,
              database_.prepare("INSERT INTO approval_decisions VALUES (?, ?, ?, ?, ?)"));
    insert.bind(id).bind(who).bind(to_string(decision)).bind(comment).bind(made.decided_at);
    APHEX_CHECK(insert.run());
  }
  record.decisions.push_back(std::move(made));
  const ApprovalVerdict verdict = verdict_of(record.policy, record.decisions);
  if (verdict != ApprovalVerdict::waiting) {
    APHEX_CHECK(end(id, verdict == ApprovalVerdict::approved ? ApprovalState::approved
                                                             : ApprovalState::rejected));
  }
  APHEX_TRY(record, read(id));
  APHEX_CHECK(transaction.commit());
  return record;
}

}  // namespace aphex::store
