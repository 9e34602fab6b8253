#include "store/run_watch.hpp"

#include <functional>

#include <fmt/format.h>

namespace aphex::store {
namespace {

constexpr std::string_view kOverview =
    "SELECT coalesce((SELECT max(id) FROM runs), 0) || '/' || coalesce((SELECT group_concat("
    " runs.id || runs.state || coalesce((SELECT group_concat(stages.id || attempt || stages.state)"
    " FROM stages WHERE run_id = runs.id), '')) FROM runs WHERE state IN ('queued', 'running')),"
    " '') || '/' || coalesce((SELECT max(number) FROM queue), 0) || '/' || coalesce((SELECT"
    " group_concat(number || state) FROM queue WHERE state IN ('waiting', 'running')), '') || '/'"
    " || coalesce((SELECT group_concat(id) FROM approvals WHERE state = 'pending'), '')";

constexpr std::string_view kRun =
    "SELECT coalesce((SELECT state || coalesce(ended_at, '') FROM runs WHERE id = ?1), '') || '/'"
    " || coalesce((SELECT group_concat(id || attempt || state) FROM stages WHERE run_id = ?1), '')"
    " || '/' || coalesce((SELECT count(*) || ',' || count(ended_at) || ',' || sum(tries) FROM steps"
    " WHERE run_id = ?1), '') || '/' || (SELECT count(*) FROM outputs WHERE run_id = ?1) || '/' ||"
    " coalesce((SELECT group_concat(id || state || (SELECT count(*) FROM approval_decisions WHERE"
    " approval_id = approvals.id)) FROM approvals WHERE run_id = ?1), '')";

constexpr std::string_view kDeliveries = "SELECT coalesce(max(number), 0) || '' FROM deliveries";

}  // namespace

Result<std::unique_ptr<RunWatch>> RunWatch::open(const std::filesystem::path& database) {
  APHEX_TRY(Database opened, Database::open(database));
  return std::unique_ptr<RunWatch>(new RunWatch(std::move(opened)));
}

Result<bool> RunWatch::changed() {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare("PRAGMA data_version"));
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  const std::int64_t now = query.integer(0);
  const bool changed = now != version_;
  version_ = now;
  return changed;
}

Result<std::string> RunWatch::mark(std::string_view sql, std::int64_t parameter) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare(sql));
  query.bind(parameter);
  APHEX_TRY([[maybe_unused]] const Statement::Row row, query.step());
  return fmt::format("{:x}", std::hash<std::string>{}(query.text(0)));
}

Result<std::string> RunWatch::overview_mark() {
  return mark(kOverview, 0);
}

Result<std::string> RunWatch::run_mark(std::int64_t run) {
  return mark(kRun, run);
}

Result<std::string> RunWatch::deliveries_mark() {
  return mark(kDeliveries, 0);
}

}  // namespace aphex::store
