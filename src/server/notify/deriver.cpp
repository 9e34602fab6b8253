#include "server/notify/deriver.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "server/webhook/delivery_store.hpp"

namespace aphex::server::notify {
namespace {

constexpr int kAtOnce = 100;
constexpr std::string_view kSupersededBy = "superseded by ";

// A person asks for these, or a branch is gone: they say nothing of a commit.
bool is_about_a_commit(const Subject& subject) {
  return subject.kind != "resume" && subject.kind != "teardown";
}

}  // namespace

std::optional<Event> Deriver::event_about(const Happening& happening,
                                          const Subject& subject) const {
  const auto repository = parts_.repositories.find(subject.pipeline);
  if (repository == parts_.repositories.end()) return std::nullopt;
  Event event;
  // With its time: a database that was restored counts from an earlier number.
  event.key = fmt::format("{}/{}/{}/{}.{}", happening.subject, happening.id, happening.state,
                          happening.number, happening.at);
  event.at = happening.at;
  event.pipeline = subject.pipeline;
  event.repository = repository->second;
  event.branch = subject.branch;
  event.commit = subject.commit;
  event.author = subject.author;
  event.message = subject.message;
  event.pull_request = subject.pull_request;
  event.run = subject.run;
  return event;
}

Result<std::optional<Deriver::Derived>> Deriver::derive_run(const Happening& happening) {
  APHEX_TRY(const std::optional<Subject> subject, parts_.store.subject_of_run(happening.id));
  if (!subject) return std::optional<Derived>();  // of somebody at the command line
  std::optional<Event> event = event_about(happening, *subject);
  if (!event) return std::optional<Derived>();
  if (happening.state == "running") {
    event->kind = subject->handed_to ? EventKind::going_on : EventKind::start;
    return std::optional<Derived>({std::move(*event), false});
  }
  if (subject->run_started_at) event->lasted_ms = happening.at - *subject->run_started_at;
  event->error = happening.error;
  event->hint = happening.hint;
  if (happening.state == "succeeded") {
    event->kind = EventKind::success;
  } else if (happening.state == "failed") {
    event->kind = EventKind::failure;
    event->stage = happening.name;
  } else if (happening.state == "cancelled") {
    // The entry's end tells it: where the entry stays open, the run was parked and goes on.
    if (subject->executes) return std::optional<Derived>();
    event->kind = EventKind::cancellation;
    event->stage = happening.name;
  } else {
    return std::optional<Derived>();  // queued, interrupted, handed over: it goes on
  }
  return std::optional<Derived>({std::move(*event), true});
}

Result<std::optional<Deriver::Derived>> Deriver::derive_stage(const Happening& happening) {
  const bool told =
      std::any_of(parts_.channels.begin(), parts_.channels.end(), [](const OpenChannel& channel) {
        return channel.config.type->mirrors == Mirrors::every_state;
      });
  if (!told || happening.state == "pending") return std::optional<Derived>();
  APHEX_TRY(const std::optional<Subject> subject, parts_.store.subject_of_run(happening.id));
  std::optional<Event> event = subject ? event_about(happening, *subject) : std::nullopt;
  if (!event) return std::optional<Derived>();
  event->key += "/" + happening.name;
  event->kind = EventKind::stage;
  event->stage = happening.name;
  event->stage_state = happening.state;
  event->error = happening.error;
  return std::optional<Derived>({std::move(*event), false});
}

Result<std::optional<Deriver::Derived>> Deriver::derive_entry(const Happening& happening) {
  APHEX_TRY(const std::optional<Subject> subject, parts_.store.subject_of_entry(happening.id));
  std::optional<Event> event = subject ? event_about(happening, *subject) : std::nullopt;
  if (!event) return std::optional<Derived>();
  if (happening.state == "waiting" && is_about_a_commit(*subject)) {
    event->kind = EventKind::waiting;
    event->run.reset();
    return std::optional<Derived>({std::move(*event), false});
  }
  if (happening.state == "superseded" && is_about_a_commit(*subject)) {
    event->kind = EventKind::superseded;
    event->by = happening.error;
    if (event->by.starts_with(kSupersededBy)) event->by.erase(0, kSupersededBy.size());
    return std::optional<Derived>({std::move(*event), false});
  }
  if (happening.state != "ended" || subject->exit_code.value_or(0) == 0)
    return std::optional<Derived>();
  APHEX_TRY(const Outcome outcome, parts_.store.outcome(event->pipeline, line_of(*event)));
  const bool run_has_told = subject->run && outcome.last_run == *subject->run &&
                            outcome.last_at >= subject->entry_started_at.value_or(0);
  if (run_has_told) return std::optional<Derived>();
  // Cancelled, refused before there was a run, or given up.
  const bool cancelled =
      subject->run && (*subject->exit_code == kCancelledExit || subject->run_state == "cancelled");
  event->kind = cancelled ? EventKind::cancellation : EventKind::failure;
  event->error = happening.error;
  if (event->error.empty())
    event->error = fmt::format("its process ended with exit code {}", *subject->exit_code);
  return std::optional<Derived>({std::move(*event), true});
}

Result<std::optional<Deriver::Derived>> Deriver::derive_approval(const Happening& happening) {
  const Result<store::ApprovalRecord> approval = parts_.approvals.approval(happening.id);
  if (!approval) {  // gone with its run
    if (approval.error().code == ErrorCode::not_found) return std::optional<Derived>();
    return fail(approval.error());
  }
  APHEX_TRY(const std::optional<Subject> subject, parts_.store.subject_of_run(approval->run));
  std::optional<Event> event = subject ? event_about(happening, *subject) : std::nullopt;
  const auto state = store::approval_state_from(happening.state);
  if (!event || !state) return std::optional<Derived>();
  event->environment = approval->environment;
  event->changes = approval->summary;
  if (!approval->decisions.empty()) {
    event->by = approval->decisions.back().who;
    event->comment = approval->decisions.back().comment;
  }
  switch (*state) {
    case store::ApprovalState::pending:
      event->kind = EventKind::approval_needed;
      event->approvers = store::waits_for(approval->policy, {});
      event->expires_at =
          os::format_time(os::WallTime(std::chrono::milliseconds(approval->expires_at)));
      break;
    case store::ApprovalState::approved:
      event->kind = EventKind::approval_granted;
      break;
    case store::ApprovalState::rejected:
      event->kind = EventKind::approval_rejected;
      break;
    case store::ApprovalState::expired:
      event->kind = EventKind::approval_expired;
      break;
    case store::ApprovalState::withdrawn:  // it is asked anew
      return std::optional<Derived>();
  }
  return std::optional<Derived>({std::move(*event), false});
}

Result<std::optional<Deriver::Derived>> Deriver::derive(const Happening& happening) {
  if (happening.subject == "run") return derive_run(happening);
  if (happening.subject == "stage") return derive_stage(happening);
  if (happening.subject == "entry") return derive_entry(happening);
  if (happening.subject == "approval") return derive_approval(happening);
  return std::optional<Derived>();
}

// What the branch's end makes of it: a success may be a recovery, a failure one of several.
Result<NotificationStore::Conclusion::Line> Deriver::follow(Event& event) {
  APHEX_TRY(Outcome outcome, parts_.store.outcome(event.pipeline, line_of(event)));
  if (event.kind == EventKind::success && outcome.failures > 0) event.kind = EventKind::recovery;
  if (event.kind == EventKind::failure) {
    if (outcome.failures++ == 0) {
      outcome.episode = event.key;
      outcome.since = event.at;
    }
  }
  if (event.kind == EventKind::failure || event.kind == EventKind::recovery) {
    event.episode = outcome.episode;
    event.failures = outcome.failures;
    event.failing_since = outcome.since;
  }
  if (event.kind == EventKind::recovery) outcome = Outcome{};
  // A clock that was set back does not make a run's end older than it is known to be.
  const std::int64_t run = event.run.value_or(0);
  outcome.last_at = run == outcome.last_run ? std::max(outcome.last_at, event.at) : event.at;
  outcome.last_run = run;
  return NotificationStore::Conclusion::Line{event.pipeline, line_of(event), std::move(outcome)};
}

Result<NotificationStore::Conclusion> Deriver::conclusion_of(const Happening& happening) {
  NotificationStore::Conclusion conclusion;
  conclusion.happening = happening.number;
  APHEX_TRY(std::optional<Derived> derived, derive(happening));
  if (!derived) return conclusion;
  if (derived->ends) {
    APHEX_TRY(conclusion.outcome, follow(derived->event));
  }
  const Event& event = derived->event;
  const store::Millis now = parts_.clock.now().time_since_epoch().count();
  for (const OpenChannel& each : parts_.channels) {
    const auto age = std::chrono::milliseconds(now - event.at);
    if (age > each.config.expire || !each.config.wants(event) || !each.channel->wants(event))
      continue;
    conclusion.notices.push_back({each.config.name, each.channel->target(event), event});
  }
  return conclusion;
}

Result<int> Deriver::turn() {
  APHEX_TRY(const std::vector<Happening> happenings, parts_.store.happenings(kAtOnce));
  std::vector<NotificationStore::Conclusion> conclusions;
  for (const Happening& happening : happenings) {
    APHEX_TRY(NotificationStore::Conclusion conclusion, conclusion_of(happening));
    const bool others_ask = conclusion.outcome.has_value();
    conclusions.push_back(std::move(conclusion));
    if (!others_ask) continue;
    APHEX_CHECK(parts_.store.conclude(conclusions));
    conclusions.clear();
  }
  if (!conclusions.empty()) APHEX_CHECK(parts_.store.conclude(conclusions));
  return static_cast<int>(happenings.size());
}

}  // namespace aphex::server::notify
