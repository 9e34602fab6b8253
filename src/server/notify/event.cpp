// The JSON of an event, as the database's notifications.payload holds it and as a topic of SNS gets
// it where `format: json` is chosen. Members that are empty are left out. Version 1.
#include "server/notify/event.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "os/clock.hpp"

namespace aphex::server::notify {
namespace {

using doc::Value;

constexpr std::int64_t kVersion = 1;

constexpr std::array<std::string_view, kEventKinds> kKinds{
    "waiting",          "superseded",        "start",           "going-on",     "stage",
    "success",          "recovery",          "failure",         "cancellation", "approval-needed",
    "approval-granted", "approval-rejected", "approval-expired"};

struct TextMember {
  std::string_view name;
  std::string Event::*member;
};
constexpr std::array kTexts{
    TextMember{"key", &Event::key},
    TextMember{"pipeline", &Event::pipeline},
    TextMember{"repository", &Event::repository},
    TextMember{"branch", &Event::branch},
    TextMember{"commitSha", &Event::commit},
    TextMember{"author", &Event::author},
    TextMember{"message", &Event::message},
    TextMember{"stage", &Event::stage},
    TextMember{"stageState", &Event::stage_state},
    TextMember{"error", &Event::error},
    TextMember{"hint", &Event::hint},
    TextMember{"by", &Event::by},
    TextMember{"episode", &Event::episode},
    TextMember{"environment", &Event::environment},
    TextMember{"approvers", &Event::approvers},
    TextMember{"changes", &Event::changes},
    TextMember{"expiresAt", &Event::expires_at},
    TextMember{"comment", &Event::comment},
};

std::optional<std::int64_t> integer_at(const Value& value, std::string_view key) {
  const Value* member = value.find(key);
  if (member == nullptr || member->as_int() == nullptr) return std::nullopt;
  return *member->as_int();
}

}  // namespace

std::string_view to_string(EventKind kind) {
  return kKinds.at(static_cast<std::size_t>(kind));
}

std::optional<EventKind> event_kind_from(std::string_view word) {
  const auto* found = std::find(kKinds.begin(), kKinds.end(), word);
  if (found == kKinds.end()) return std::nullopt;
  return static_cast<EventKind>(found - kKinds.begin());
}

std::optional<Topic> topic_of(EventKind kind) {
  switch (kind) {
    case EventKind::waiting:
    case EventKind::superseded:
    case EventKind::going_on:
    case EventKind::stage:
      return std::nullopt;
    case EventKind::start:
      return Topic::start;
    case EventKind::success:
      return Topic::success;
    case EventKind::recovery:
      return Topic::recovery;
    case EventKind::failure:
      return Topic::failure;
    case EventKind::cancellation:
      return Topic::cancellation;
    case EventKind::approval_needed:
    case EventKind::approval_granted:
    case EventKind::approval_rejected:
    case EventKind::approval_expired:
      return Topic::approval;
  }
  return std::nullopt;
}

bool is_final(const Event& event) {
  switch (event.kind) {
    case EventKind::success:
    case EventKind::recovery:
    case EventKind::failure:
    case EventKind::cancellation:
    case EventKind::superseded:
      return true;
    case EventKind::stage:
      return event.stage_state != "running";
    case EventKind::waiting:
    case EventKind::start:
    case EventKind::going_on:
    case EventKind::approval_needed:
    case EventKind::approval_granted:
    case EventKind::approval_rejected:
    case EventKind::approval_expired:
      return false;
  }
  return false;
}

Value to_value(const Event& event) {
  Value value =
      Value::object({{"version", kVersion},
                     {"event", to_string(event.kind)},
                     {"at", os::format_time(os::WallTime(std::chrono::milliseconds(event.at)))},
                     {"atMilliseconds", event.at}});
  for (const TextMember& text : kTexts) {
    if (!(event.*text.member).empty()) value.set(std::string(text.name), event.*text.member);
  }
  const auto number = [&](std::string_view name, const std::optional<std::int64_t>& set) {
    if (set) value.set(std::string(name), *set);
  };
  number("pullRequest", event.pull_request);
  number("run", event.run);
  number("lastedMilliseconds", event.lasted_ms);
  if (event.failures > 0) {
    value.set("failures", event.failures);
    value.set("failingSinceMilliseconds", event.failing_since);
  }
  return value;
}

Result<Event> event_from(const Value& value) {
  Event event;
  const std::optional<EventKind> kind = event_kind_from(value.string_or("event", ""));
  if (integer_at(value, "version") != kVersion || !kind) {
    return fail(ErrorCode::unsupported, "the notification was written by another version of aphex");
  }
  event.kind = *kind;
  event.at = integer_at(value, "atMilliseconds").value_or(0);
  for (const TextMember& text : kTexts)
    event.*text.member = value.string_or(text.name, "");
  event.pull_request = integer_at(value, "pullRequest");
  event.run = integer_at(value, "run");
  event.lasted_ms = integer_at(value, "lastedMilliseconds");
  event.failures = integer_at(value, "failures").value_or(0);
  event.failing_since = integer_at(value, "failingSinceMilliseconds").value_or(0);
  return event;
}

std::string line_of(const Event& event) {
  return event.pull_request ? fmt::format("pull/{}", *event.pull_request) : event.branch;
}

}  // namespace aphex::server::notify
