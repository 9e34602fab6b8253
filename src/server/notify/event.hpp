#pragma once
// What is told to people: an event, whole, so that it reads the same whenever it is told.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "doc/value.hpp"
#include "store/run_records.hpp"

namespace aphex::server::notify {

enum class EventKind {
  waiting,     // a commit has its place in the queue
  superseded,  // … and lost it to a newer one
  start,       // of a run, or of another attempt of it
  going_on,    // a run goes on under its commit's plan, with another number
  stage,       // one of the run's stages begins or ends
  success,
  recovery,  // the first success after failures of the same branch
  failure,   // also: given up, or refused before there was a run
  cancellation,
  approval_needed,
  approval_granted,
  approval_rejected,
  approval_expired,
};
inline constexpr std::size_t kEventKinds = 13;
std::string_view to_string(EventKind kind);
std::optional<EventKind> event_kind_from(std::string_view word);

// What a channel's `on:` lists.
enum class Topic { start, success, failure, recovery, cancellation, approval };
inline constexpr std::array<std::string_view, 6> kTopics{"start",    "success",      "failure",
                                                         "recovery", "cancellation", "approval"};
// Nothing: of no interest but to a channel that mirrors every state.
std::optional<Topic> topic_of(EventKind kind);

struct Event {
  std::string key;  // names it for ever
  EventKind kind = EventKind::start;
  store::Millis at = 0;

  std::string pipeline;  // of the server's configuration
  std::string repository;
  std::string branch;
  std::string commit;
  std::string author;
  std::string message;
  std::optional<std::int64_t> pull_request;
  std::optional<std::int64_t> run;

  std::string stage;        // that failed, or that this is about
  std::string stage_state;  // of kind stage: running, succeeded, failed, …
  std::string error;
  std::string hint;
  std::optional<std::int64_t> lasted_ms;  // of the run
  std::string by;                         // who cancelled, decided; the commit that supersedes

  // Failures of one branch until it works again: the key and the time of the first of them.
  std::string episode;
  store::Millis failing_since = 0;
  std::int64_t failures = 0;

  std::string environment;  // that waits for approval
  std::string approvers;    // for whom it waits
  std::string changes;      // what an approval lets through, in a few words
  std::string expires_at;
  std::string comment;
};

doc::Value to_value(const Event& event);
Result<Event> event_from(const doc::Value& value);

// What it is about has ended; only another attempt changes that.
bool is_final(const Event& event);

// "main", or "pull/12": what fails and recovers as one.
std::string line_of(const Event& event);

}  // namespace aphex::server::notify
