// The plan that a run executes, and what is new in it.
#include <fmt/format.h>

#include "plan/plan_diff.hpp"
#include "server/dashboard/run_page.hpp"

namespace aphex::server {
namespace {

View change_row(const plan::PlanChange& change) {
  View row;
  switch (change.kind) {
    case plan::PlanChange::Kind::added:
      row.set("kind", "added");
      row.set("mark", "+");
      break;
    case plan::PlanChange::Kind::removed:
      row.set("kind", "removed");
      row.set("mark", "−");
      break;
    case plan::PlanChange::Kind::changed:
      row.set("kind", "changed");
      row.set("mark", "~");
      break;
  }
  row.set("where", change.where);
  if (!change.what.empty()) row.set("what", change.what);
  if (!change.before.empty()) row.set("before", change.before);
  if (!change.after.empty()) row.set("after", change.after);
  return row;
}

}  // namespace

Result<View> plan_changes(const Exchange& exchange, const RunFacts& facts) {
  View values;
  values.set("digest", facts.run.plan_digest.substr(0, kShortCommit));
  if (!facts.plan) return values;
  APHEX_TRY(const std::optional<std::int64_t> id, exchange.site.reports.previous(facts.run.id));
  if (!id) {
    values.set("first", truth(true));
    return values;
  }
  APHEX_TRY(const store::RunRecord before, exchange.site.runs.run(*id));
  View previous;
  previous.set("id", std::to_string(*id));
  values.set("previous", previous);
  if (before.plan_digest == facts.run.plan_digest) {
    values.set("same", truth(true));
    return values;
  }
  const Result<doc::Value> value = doc::parse_json(before.plan);
  const Result<plan::Plan> old =
      value ? plan::from_value(*value) : Result<plan::Plan>(fail(value.error()));
  if (!old) return values;
  View changes = list();
  for (const plan::PlanChange& change : plan::differences(*old, *facts.plan))
    changes.push_back(change_row(change));
  values.set("has_changes", truth(!changes.is_empty_list()));
  values.set("changes", changes);
  return values;
}

}  // namespace aphex::server
