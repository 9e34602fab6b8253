#include "server/access/audit_log.hpp"

#include "base/text.hpp"
#include "server/api/time_value.hpp"

namespace aphex::server {
namespace {

using store::Statement;

// What nobody known has asked for is anybody's to ask: as many are kept as one looks through.
constexpr std::int64_t kMostUnknown = 10'000;
constexpr std::size_t kMostCharacters = 500;

// A line that can be shown: bounded, valid, without what a terminal would obey.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : utf8_substr(text, 0, kMostCharacters)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= ' ' && byte != 0x7f ? c : ' ';
  }
  return find_invalid_utf8(out) ? out.substr(0, *find_invalid_utf8(out)) : out;
}

}  // namespace

std::string_view to_string(AuditResult result) {
  switch (result) {
    case AuditResult::done:
      return "done";
    case AuditResult::refused:
      return "refused";
    case AuditResult::failed:
      return "failed";
  }
  return "";
}

doc::Value to_value(const AuditRecord& record) {
  return doc::Value::object({{"number", record.number},
                             {"at", time_value(record.at)},
                             {"who", record.who},
                             {"client", record.client},
                             {"action", record.action},
                             {"object", record.object},
                             {"result", record.result},
                             {"detail", record.detail}});
}

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::filesystem::path& database,
                                                 std::shared_ptr<os::Clock> clock) {
  APHEX_TRY(store::Database opened, store::Database::open(database));
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(opened), std::move(clock)));
}

Status AuditLog::add(const AuditEntry& entry) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(store::Transaction transaction, store::Transaction::begin(database_));
  {
    APHEX_TRY(Statement insert,
              database_.prepare("INSERT INTO audit (at, who, client, action, object, result,"
                                " detail) VALUES (?, ?, ?, ?, ?, ?, ?)"));
    insert.bind(clock_->now().time_since_epoch().count()).bind(shown(entry.who));
    insert.bind(shown(entry.client)).bind(shown(entry.action)).bind(shown(entry.object));
    APHEX_CHECK(insert.bind(to_string(entry.result)).bind(shown(entry.detail)).run());
  }
  if (entry.who.empty()) {
    APHEX_TRY(Statement prune,
              database_.prepare("DELETE FROM audit WHERE who = '' AND number <= (SELECT number FROM"
                                " audit WHERE who = '' ORDER BY number DESC LIMIT 1 OFFSET ?)"));
    APHEX_CHECK(prune.bind(kMostUnknown).run());
  }
  return transaction.commit();
}

Result<std::vector<AuditRecord>> AuditLog::records(const AuditFilter& filter) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(
      Statement query,
      database_.prepare("SELECT number, at, who, client, action, object, result, detail FROM"
                        " audit WHERE (?1 IS NULL OR who = ?1) AND (?2 IS NULL OR action ="
                        " ?2) AND (?3 IS NULL OR number < ?3) ORDER BY number DESC LIMIT ?4"));
  query.bind_optional(filter.who).bind_optional(filter.action).bind_optional(filter.before);
  query.bind(std::int64_t{filter.limit});
  return store::read_all(query, [](const Statement& row) {
    return AuditRecord{row.integer(0), row.integer(1), row.text(2), row.text(3),
                       row.text(4),    row.text(5),    row.text(6), row.text(7)};
  });
}

Status AuditLog::prune(store::Millis before) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement remove, database_.prepare("DELETE FROM audit WHERE at < ?"));
  return remove.bind(before).run();
}

}  // namespace aphex::server
