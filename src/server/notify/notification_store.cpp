#include "server/notify/notification_store.hpp"

#include <array>
#include <limits>

#include <fmt/format.h>

#include "doc/value.hpp"

namespace aphex::server::notify {
namespace {

using store::Statement;
using store::Transaction;

// As many as one looks through, and what a summary of them may name.
constexpr std::int64_t kMostKept = 10'000;

constexpr std::array<std::string_view, 6> kStates{"waiting",  "told",    "folded",
                                                  "obsolete", "expired", "dead"};

constexpr std::string_view kNoticeColumns =
    "number, channel, target, payload, state, attempts, unsure, created_at, next_at, ended_at,"
    " last_error, remote_id, folded_into, event, kind, pipeline";

constexpr std::string_view kSubjectColumns =
    "queue.number, queue.pipeline, queue.branch, queue.commit_sha, queue.author, queue.message,"
    " queue.kind, queue.note, queue.pull_request, queue.exit_code, queue.started_at, runs.id,"
    " runs.restarted_from, runs.started_at, runs.ended_at,"
    " EXISTS (SELECT 1 FROM queue AS other WHERE other.state = 'running' AND"
    " (other.number = queue.number OR (other.kind = 'resume' AND other.run_id = runs.id))), "
    "runs.state";

Subject read_subject(const Statement& row) {
  Subject subject;
  subject.entry = row.integer(0);
  subject.pipeline = row.text(1);
  subject.branch = row.text(2);
  subject.commit = row.text(3);
  subject.author = row.text(4);
  subject.message = row.text(5);
  subject.kind = row.text(6);
  subject.note = row.text(7);
  subject.pull_request = row.optional_integer(8);
  subject.exit_code = row.optional_integer(9);
  subject.entry_started_at = row.optional_integer(10);
  subject.run = row.optional_integer(11);
  subject.handed_to = row.optional_integer(12).has_value();
  subject.run_started_at = row.optional_integer(13);
  subject.run_ended_at = row.optional_integer(14);
  subject.executes = row.integer(15) != 0;
  subject.run_state = row.text(16);
  return subject;
}

Result<std::optional<Subject>> first_subject(Statement& query) {
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return std::optional<Subject>();
  return std::optional<Subject>(read_subject(query));
}

Notice read_notice(const Statement& row) {
  Notice notice;
  notice.number = row.integer(0);
  notice.channel = row.text(1);
  notice.target = row.text(2);
  const Result<doc::Value> payload = doc::parse_json(row.text(3));
  if (payload) {
    if (Result<Event> event = event_from(*payload)) notice.event = std::move(*event);
  }
  const std::string state = row.text(4);
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates.at(i) == state) notice.state = static_cast<NoticeState>(i);
  }
  notice.attempts = static_cast<int>(row.integer(5));
  notice.unsure = row.integer(6) != 0;
  notice.created_at = row.integer(7);
  notice.next_at = row.integer(8);
  notice.ended_at = row.optional_integer(9);
  notice.last_error = row.text(10);
  notice.remote_id = row.text(11);
  notice.folded_into = row.optional_integer(12);
  return notice;
}

}  // namespace

std::string_view to_string(NoticeState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

Result<std::unique_ptr<NotificationStore>> NotificationStore::open(
    const std::filesystem::path& database, std::shared_ptr<os::Clock> clock) {
  APHEX_TRY(store::Database opened, store::Database::open(database));
  return std::unique_ptr<NotificationStore>(
      new NotificationStore(std::move(opened), std::move(clock)));
}

Result<std::vector<Happening>> NotificationStore::happenings(int limit) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT number, subject, id, name, state, at, error_message,"
                              " error_hint FROM happenings ORDER BY number LIMIT ?"));
  query.bind(std::int64_t{limit});
  std::vector<Happening> found;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return found;
    found.push_back({query.integer(0), query.text(1), query.integer(2), query.text(3),
                     query.text(4), query.integer(5), query.text(6), query.text(7)});
  }
}

Result<std::optional<Subject>> NotificationStore::subject_of_run(std::int64_t run) {
  const std::lock_guard lock(mutex_);
  // A run that another handed over to has no request of its own.
  APHEX_TRY(Statement query,
            database_.prepare(
                fmt::format("WITH RECURSIVE chain(id, request, before) AS ("
                            "SELECT id, request, restarted_from FROM runs WHERE id = ?1"
                            " UNION SELECT runs.id, runs.request, runs.restarted_from FROM runs"
                            " JOIN chain ON runs.id = chain.before)"
                            " SELECT {} FROM chain JOIN queue ON queue.request = chain.request"
                            " JOIN runs ON runs.id = ?1 LIMIT 1",
                            kSubjectColumns)));
  query.bind(run);
  return first_subject(query);
}

Result<std::optional<Subject>> NotificationStore::subject_of_entry(std::int64_t entry) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format(
                "WITH RECURSIVE chain(id) AS ("
                "SELECT id FROM runs WHERE request = (SELECT request FROM queue WHERE number = ?1)"
                " UNION SELECT runs.id FROM runs JOIN chain ON runs.restarted_from = chain.id)"
                " SELECT {} FROM queue LEFT JOIN runs ON runs.id ="
                " coalesce((SELECT max(id) FROM chain),"
                "          CASE queue.kind WHEN 'resume' THEN queue.run_id END)"
                " WHERE queue.number = ?1",
                kSubjectColumns)));
  query.bind(entry);
  return first_subject(query);
}

Result<Outcome> NotificationStore::outcome(const std::string& pipeline, const std::string& line) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT failures, episode, since, last_run, last_at FROM outcomes"
                              " WHERE pipeline = ? AND branch = ?"));
  query.bind(pipeline).bind(line);
  APHEX_TRY(const Statement::Row row, query.step());
  if (row == Statement::Row::none) return Outcome{};
  return Outcome{query.integer(0), query.text(1), query.integer(2), query.integer(3),
                 query.integer(4)};
}

Status NotificationStore::insert(const NewNotice& notice) {
  if (!notice.target.empty()) {
    APHEX_TRY(Statement update,
              database_.prepare("UPDATE notifications SET state = 'obsolete', ended_at = ?,"
                                " last_error = ? WHERE channel = ? AND target = ?"
                                " AND state = 'waiting' AND event <> ?"));
    update.bind(now()).bind("a newer one stands: " + notice.event.key).bind(notice.channel);
    APHEX_CHECK(update.bind(notice.target).bind(notice.event.key).run());
  }
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT OR IGNORE INTO notifications (event, channel, kind, pipeline,"
                              " target, payload, state, created_at, next_at)"
                              " VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?)"));
  insert.bind(notice.event.key).bind(notice.channel).bind(to_string(notice.event.kind));
  insert.bind(notice.event.pipeline).bind(notice.target).bind(doc::to_json(to_value(notice.event)));
  return insert.bind(now()).bind(std::int64_t{0}).run();
}

Status NotificationStore::write(const Conclusion& conclusion) {
  for (const NewNotice& notice : conclusion.notices)
    APHEX_CHECK(insert(notice));
  if (conclusion.outcome) {
    const Conclusion::Line& at = *conclusion.outcome;
    APHEX_TRY(
        Statement upsert,
        database_.prepare("INSERT OR REPLACE INTO outcomes (pipeline, branch, failures, episode,"
                          " since, last_run, last_at) VALUES (?, ?, ?, ?, ?, ?, ?)"));
    upsert.bind(at.pipeline).bind(at.line).bind(at.outcome.failures).bind(at.outcome.episode);
    upsert.bind(at.outcome.since).bind(at.outcome.last_run);
    APHEX_CHECK(upsert.bind(at.outcome.last_at).run());
  }
  APHEX_TRY(Statement remove, database_.prepare("DELETE FROM happenings WHERE number = ?"));
  return remove.bind(conclusion.happening).run();
}

Status NotificationStore::conclude(const std::vector<Conclusion>& conclusions) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  bool grew = false;
  for (const Conclusion& conclusion : conclusions) {
    APHEX_CHECK(write(conclusion));
    grew = grew || !conclusion.notices.empty();
  }
  if (grew) {
    APHEX_TRY(Statement prune,
              database_.prepare("DELETE FROM notifications WHERE state <> 'waiting' AND number <="
                                " (SELECT max(number) FROM notifications) - ?"));
    APHEX_CHECK(prune.bind(kMostKept).run());
  }
  return transaction.commit();
}

Result<std::vector<Notice>> NotificationStore::read_notices(Statement& query) {
  std::vector<Notice> notices;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return notices;
    Notice notice = read_notice(query);
    if (notice.event.key.empty()) {  // of another version: what the columns say is shown
      notice.event.key = query.text(13);
      notice.event.kind = event_kind_from(query.text(14)).value_or(EventKind::start);
      notice.event.pipeline = query.text(15);
    }
    notices.push_back(std::move(notice));
  }
}

Result<std::vector<Notice>> NotificationStore::waiting(const std::string& channel, int limit) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format("SELECT {} FROM notifications WHERE channel = ? AND"
                                          " state = 'waiting' ORDER BY number LIMIT ?",
                                          kNoticeColumns)));
  query.bind(channel).bind(std::int64_t{limit});
  return read_notices(query);
}

Result<std::int64_t> NotificationStore::count_told(const std::string& channel, store::Millis since,
                                                   store::Millis until) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT count(*) FROM notifications WHERE channel ="
                              " ? AND state = 'told' AND ended_at > ? AND ended_at <= ?"));
  query.bind(channel).bind(since).bind(until);
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  return query.integer(0);
}

Result<std::optional<Notice>> NotificationStore::told_before(const Notice& notice) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format(
                "SELECT {} FROM notifications WHERE channel = ? AND target = ? AND state = 'told'"
                " AND number < ? ORDER BY number DESC LIMIT 1",
                kNoticeColumns)));
  query.bind(notice.channel).bind(notice.target).bind(notice.number);
  APHEX_TRY(std::vector<Notice> found, read_notices(query));
  if (found.empty()) return std::optional<Notice>();
  return std::optional<Notice>(std::move(found.front()));
}

Result<bool> NotificationStore::begin(const std::vector<std::int64_t>& notices) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  for (const std::int64_t number : notices) {
    {
      APHEX_TRY(Statement update,
                database_.prepare("UPDATE notifications SET attempts = attempts + 1, unsure = 1,"
                                  " folded_into = ? WHERE number = ? AND state = 'waiting'"));
      const bool first = number == notices.front();
      update.bind_optional(first ? std::nullopt : std::optional<std::int64_t>(notices.front()));
      APHEX_CHECK(update.bind(number).run());
    }
    APHEX_TRY(Statement query, database_.prepare("SELECT 1 FROM notifications WHERE number = ? AND"
                                                 " state = 'waiting'"));
    query.bind(number);
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return false;
  }
  APHEX_CHECK(transaction.commit());
  return true;
}

Status NotificationStore::told(const std::vector<std::int64_t>& notices, const Reached& reached) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  for (const std::int64_t number : notices) {
    const bool first = number == notices.front();
    APHEX_TRY(Statement update,
              database_.prepare("UPDATE notifications SET state = ?, unsure = 0, ended_at = ?,"
                                " last_error = ?, remote_id = ? WHERE number = ?"));
    update.bind(to_string(first ? NoticeState::told : NoticeState::folded)).bind(now());
    update.bind(reached.short_of).bind(reached.remote_id);
    APHEX_CHECK(update.bind(number).run());
  }
  return transaction.commit();
}

Status NotificationStore::put_off(const std::vector<std::int64_t>& notices,
                                  const Trouble& trouble) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  for (const std::int64_t number : notices) {
    APHEX_TRY(Statement update,
              database_.prepare("UPDATE notifications SET last_error = ?, next_at = ?, unsure = ?"
                                " WHERE number = ? AND state = 'waiting'"));
    update.bind(trouble.error).bind(trouble.next_at).bind(std::int64_t{trouble.sure ? 0 : 1});
    APHEX_CHECK(update.bind(number).run());
  }
  return transaction.commit();
}

Status NotificationStore::give_up(std::int64_t notice, NoticeState state, const std::string& why) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement update,
            database_.prepare("UPDATE notifications SET state = ?, ended_at = ?, last_error = ?"
                              " WHERE number = ? AND state = 'waiting'"));
  return update.bind(to_string(state)).bind(now()).bind(why).bind(notice).run();
}

Result<std::vector<NotificationStore::Count>> NotificationStore::drop_other_channels(
    const std::vector<std::string>& channels) {
  const std::lock_guard lock(mutex_);
  std::string marks;
  for (std::size_t i = 0; i < channels.size(); ++i)
    marks += i == 0 ? "?" : ", ?";
  const std::string theirs = "state = 'waiting' AND channel NOT IN (" + marks + ")";
  APHEX_TRY(Transaction transaction, Transaction::begin(database_));
  std::vector<Count> dropped;
  {
    APHEX_TRY(Statement query,
              database_.prepare("SELECT channel, count(*) FROM notifications WHERE " + theirs +
                                " GROUP BY channel ORDER BY channel"));
    for (const std::string& channel : channels)
      query.bind(channel);
    APHEX_TRY(
        dropped, store::read_all(query, [](const Statement& row) {
          return Count{row.text(0), std::string(to_string(NoticeState::dead)), row.integer(1)};
        }));
  }
  APHEX_TRY(
      Statement update,
      database_.prepare(
          "UPDATE notifications SET state = 'dead', ended_at = ?, last_error = ? WHERE " + theirs));
  update.bind(now()).bind(kNoSuchChannel);
  for (const std::string& channel : channels)
    update.bind(channel);
  APHEX_CHECK(update.run());
  APHEX_CHECK(transaction.commit());
  return dropped;
}

Result<std::vector<Notice>> NotificationStore::notices(int limit,
                                                       const std::optional<std::int64_t>& before) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare(fmt::format("SELECT {} FROM notifications WHERE number < ?"
                                          " ORDER BY number DESC LIMIT ?",
                                          kNoticeColumns)));
  query.bind(before.value_or(std::numeric_limits<std::int64_t>::max())).bind(std::int64_t{limit});
  return read_notices(query);
}

Result<std::vector<NotificationStore::Count>> NotificationStore::counts() {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare("SELECT channel, state, count(*) FROM notifications"
                                               " GROUP BY channel, state ORDER BY channel, state"));
  return store::read_all(query, [](const Statement& row) {
    return Count{row.text(0), row.text(1), row.integer(2)};
  });
}

}  // namespace aphex::server::notify
