#include "server/dashboard/approval_list.hpp"

#include <fmt/format.h>

#include "changes/change_set.hpp"
#include "server/pages.hpp"

namespace aphex::server {
namespace {

using store::ApprovalRecord;
using store::ApprovalState;

// The dashboard's word for a state, which has a sign.
std::string_view sign_of(ApprovalState state) {
  switch (state) {
    case ApprovalState::pending:
      return "waiting";
    case ApprovalState::approved:
      return "accepted";
    case ApprovalState::rejected:
    case ApprovalState::expired:
      return "rejected";
    case ApprovalState::withdrawn:
      return "superseded";
  }
  return "waiting";
}

std::string approval_badge(ApprovalState state) {
  return fmt::format(
      "<span class=\"state {0}\"><svg class=\"sign\" aria-hidden=\"true\"><use href=\"#i-{0}\">"
      "</use></svg>{1}</span>",
      sign_of(state), to_string(state));
}

std::string_view mark_of(changes::Change change) {
  switch (change) {
    case changes::Change::added:
      return "+";
    case changes::Change::removed:
      return "−";
    case changes::Change::modified:
      return "~";
  }
  return "~";
}

std::string_view class_of(changes::Change change) {
  return change == changes::Change::modified ? "changed" : to_string(change);
}

// False where it is not: what a row leaves out mustache takes from the row around it.
View replaced(changes::Replacement replacement) {
  switch (replacement) {
    case changes::Replacement::will:
      return "is replaced";
    case changes::Replacement::may:
      return "may be replaced";
    case changes::Replacement::never:
      break;
  }
  return truth(false);
}

View value_row(const changes::ValueChange& value) {
  View row;
  row.set("path", value.path);
  if (value.before) row.set("before", *value.before);
  if (value.after) row.set("after", *value.after);
  row.set("replaced", replaced(value.replacement));
  return row;
}

View entry_row(const changes::EntryChange& entry) {
  View row;
  row.set("kind", std::string(class_of(entry.change)));
  row.set("mark", std::string(mark_of(entry.change)));
  row.set("id", entry.path.empty() ? entry.id : entry.path);
  row.set("type", entry.type.empty() ? entry.section : entry.type);
  row.set("replaced", replaced(entry.replacement));
  if (entry.retained) row.set("retained", truth(true));
  View values = list();
  for (const changes::ValueChange& value : entry.values)
    values.push_back(value_row(value));
  row.set("has_values", truth(!entry.values.empty()));
  row.set("values", values);
  return row;
}

View permission_row(const changes::PermissionChange& permission) {
  View row;
  row.set("kind", std::string(class_of(permission.change)));
  row.set("mark", std::string(mark_of(permission.change)));
  row.set("text", permission.text);
  row.set("broadens", truth(permission.broadens));
  View reasons = list();
  for (const std::string& reason : permission.reasons)
    reasons.push_back(View("reason", reason));
  row.set("reasons", reasons);
  return row;
}

View stack_row(const changes::StackChanges& stack) {
  View row;
  row.set("name", stack.name);
  row.set("state", std::string(to_string(stack.state)));
  View entries = list();
  for (const changes::EntryChange& entry : stack.entries)
    entries.push_back(entry_row(entry));
  // What grants more stands first: it is what is looked for.
  View permissions = list();
  for (const bool broadens : {true, false}) {
    for (const changes::PermissionChange& permission : stack.permissions) {
      if (permission.broadens == broadens) permissions.push_back(permission_row(permission));
    }
  }
  View warnings = list();
  for (const std::string& warning : stack.warnings)
    warnings.push_back(View("warning", warning));
  row.set("entries", entries);
  row.set("permissions", permissions);
  row.set("warnings", warnings);
  row.set("has_permissions", truth(!stack.permissions.empty()));
  row.set("has_entries", truth(!stack.entries.empty()));
  row.set("any",
          truth(!stack.entries.empty() || !stack.permissions.empty() || !stack.warnings.empty()));
  return row;
}

View decision_row(const store::DecisionRecord& decision) {
  View row;
  row.set("who", decision.who);
  row.set("what", decision.decision == store::Decision::approve ? "approved" : "rejected");
  row.set("when", time_html(decision.decided_at));
  if (!decision.comment.empty()) row.set("comment", decision.comment);
  return row;
}

// Of a run that was killed, too: it finds what was decided when it goes on.
bool is_open(const ApprovalRecord& record) {
  return record.state == ApprovalState::pending &&
         (!store::is_finished(record.run_state) ||
          record.run_state == store::RunState::interrupted);
}

// The buttons that the caller may press, or why there are none: the same rules decide afterwards.
void set_decision(View& row, const Exchange& exchange, const ApprovalRecord& record) {
  if (!may(exchange, Access::approve)) return;
  const auto allowed = [&](store::Decision decision) {
    return store::may_decide(record.policy, record.author, record.decisions,
                             {exchange.caller.name, decision, "", 0}, "this deployment");
  };
  const Status approve = allowed(store::Decision::approve);
  if (!approve) row.set("may_not", describe(approve.error()));
  if (!allowed(store::Decision::reject)) return;
  View decide;
  decide.set("token", exchange.caller.form_token);
  decide.set("digest", record.digest);
  decide.set("approve", truth(approve.has_value()));
  row.set("may_decide", decide);
}

Result<View> approval_row(const Exchange& exchange, const ApprovalRecord& record) {
  View row;
  const bool open = is_open(record);
  const bool undecided = !open && record.state == ApprovalState::pending;
  row.set("id", std::to_string(record.id));
  row.set("run", std::to_string(record.run));
  row.set("environment", record.environment);
  row.set("badge", undecided ? badge("cancelled") : approval_badge(record.state));
  row.set("told", undecided ? "nobody has decided, and the run is over" : describe(record));
  row.set("summary", record.summary);
  if (record.broadens) row.set("broadens", truth(true));
  View decisions = list();
  for (const store::DecisionRecord& decision : record.decisions)
    decisions.push_back(decision_row(decision));
  row.set("decisions", decisions);
  row.set("has_decisions", truth(!record.decisions.empty()));
  APHEX_TRY(const std::string text, exchange.site.approvals.changes(record.id));
  View stacks = list();
  if (const Result<changes::ChangeSet> set = changes::from_json(text)) {
    for (const changes::StackChanges& stack : set->stacks)
      stacks.push_back(stack_row(stack));
  } else {
    row.set("unreadable", describe(set.error()));
  }
  row.set("stacks", stacks);
  row.set("open", truth(open));
  if (open) set_decision(row, exchange, record);
  return row;
}

}  // namespace

Result<View> pending_approvals(const Exchange& exchange) {
  APHEX_TRY(const std::vector<ApprovalRecord> records, exchange.site.approvals.pending());
  View rows = list();
  for (const ApprovalRecord& record : records) {
    View row;
    row.set("run", std::to_string(record.run));
    row.set("pipeline", record.pipeline);
    row.set("environment", record.environment);
    row.set("since", time_html(record.created_at));
    row.set("summary", record.summary);
    row.set("told", describe(record));
    if (record.broadens) row.set("broadens", truth(true));
    rows.push_back(row);
  }
  return rows;
}

Result<std::set<std::int64_t>> runs_that_ask(const Exchange& exchange) {
  APHEX_TRY(const std::vector<ApprovalRecord> records, exchange.site.approvals.pending());
  std::set<std::int64_t> runs;
  for (const ApprovalRecord& record : records)
    runs.insert(record.run);
  return runs;
}

Result<std::string> approvals_html(const Exchange& exchange, std::int64_t run) {
  APHEX_TRY(const std::vector<ApprovalRecord> records, exchange.site.approvals.of_run(run));
  if (records.empty()) return std::string();
  View rows = list();
  // What waits for somebody first, then the latest.
  for (const bool open : {true, false}) {
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      if (is_open(*record) != open) continue;
      APHEX_TRY(const View row, approval_row(exchange, *record));
      rows.push_back(row);
    }
  }
  View values;
  values.set("approvals", rows);
  return render(pages::kApprovals, values);
}

}  // namespace aphex::server
