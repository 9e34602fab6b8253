#include "engine/database_gate.hpp"

#include <fmt/format.h>

#include "engine/step.hpp"

namespace aphex::engine {
namespace {

// How often the database is looked into: an answer is acted on at once, and a day of waiting costs
// nothing.
constexpr std::chrono::milliseconds kPollInterval{500};

store::NewApproval new_approval(const ApprovalGate::Question& question) {
  const config::Approval& asked = question.approval;
  store::NewApproval approval;
  approval.run = question.context.run;
  approval.environment = question.changes.environment;
  approval.digest = changes::digest(question.changes);
  approval.changes = doc::to_json(changes::to_value(question.changes));
  approval.summary = changes::summary(question.changes);
  approval.broadens = changes::broadens(question.changes);
  approval.policy = {asked.approvers, asked.quorum, asked.self_approval};
  approval.expires_after = std::chrono::milliseconds(asked.expires).count();
  return approval;
}

Result<StepOutcome> outcome_of(const store::ApprovalRecord& record) {
  const std::string again = fmt::format("'aphex resume {}' asks again", record.run);
  const std::string what =
      fmt::format("the deployment to {}: {}", record.environment, store::describe(record));
  switch (record.state) {
    case store::ApprovalState::approved:
      return StepOutcome{StepOutcome::Kind::done, store::describe(record)};
    case store::ApprovalState::rejected:
      return fail(ErrorCode::permission, what, "nothing of it was deployed; " + again);
    case store::ApprovalState::expired:
      return fail(ErrorCode::timeout, what,
                  "nobody decided in time, which rejects; nothing of it was deployed; " + again);
    case store::ApprovalState::withdrawn:
    case store::ApprovalState::pending:
      break;
  }
  return fail(ErrorCode::permission, what, again);
}

}  // namespace

Result<store::ApprovalRecord> DatabaseGate::wait(store::ApprovalRecord record,
                                                 StepContext& context) {
  std::size_t told = record.decisions.size();
  while (record.state == store::ApprovalState::pending) {
    if (context.services.clock->sleep(kPollInterval, context.cancel) ==
        os::Clock::Wake::cancelled) {
      return fail(ErrorCode::cancelled, context.cancel.reason());
    }
    Result<store::ApprovalRecord> now = store_->approval(record.id);
    if (!now) {
      // Somebody else holds the database for longer than usual; the wait is no hurry.
      if (now.error().code == ErrorCode::unavailable) continue;
      return now;
    }
    record = std::move(*now);
    if (record.decisions.size() == told) continue;
    told = record.decisions.size();
    if (record.state == store::ApprovalState::pending) context.log.note(store::describe(record));
  }
  return record;
}

Result<StepOutcome> DatabaseGate::ask(const Question& question) {
  APHEX_TRY(store::ApprovalRecord record, store_->ask(new_approval(question)));
  StepContext& context = question.context;
  if (record.state == store::ApprovalState::pending) {
    context.log.note(fmt::format("{}; 'aphex approve {}' shows it and decides",
                                 store::describe(record), record.run));
  }
  APHEX_TRY(record, wait(std::move(record), context));
  context.log.note(store::describe(record));
  for (const store::DecisionRecord& decision : record.decisions) {
    if (!decision.comment.empty())
      context.log.note(fmt::format("{}: {}", decision.who, decision.comment));
  }
  APHEX_CHECK(store_->take(record.id));
  return outcome_of(record);
}

Result<std::string> DatabaseGate::approved(StepContext& context, const std::string& environment) {
  APHEX_TRY(const std::optional<store::ApprovalRecord> record,
            store_->approved(context.run, environment));
  if (record) return record->digest;
  return fail(
      ErrorCode::permission,
      fmt::format("nobody has approved the deployment of run {} to {}", context.run, environment),
      "'aphex run' starts a run that asks");
}

}  // namespace aphex::engine
