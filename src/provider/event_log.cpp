#include "provider/event_log.hpp"

#include <array>
#include <cstdio>

namespace aphex::provider {
namespace {

struct LevelName {
  Level level;
  std::string_view name;
};
constexpr std::array<LevelName, 3> kNames = {
    {{Level::info, "info"}, {Level::warning, "warning"}, {Level::error, "error"}}};

std::string_view name_of(Level level) {
  for (const LevelName& known : kNames) {
    if (known.level == level) return known.name;
  }
  return "";
}

}  // namespace

void EventLog::write(Level level, std::string_view event, const doc::Value& fields) {
  const std::lock_guard lock(mutex_);
  doc::Value line =
      doc::Value::object({{"time", os::format_time(clock_.now())}, {"level", name_of(level)}});
  if (!request_id_.empty()) line.set("requestId", request_id_);
  if (!object_.empty()) line.set("object", object_);
  line.set("event", event);
  if (const doc::Value::Object* members = fields.as_object()) {
    for (const auto& [name, value] : *members)
      line.set(name, value);
  }
  const std::string text = doc::to_json(line) + "\n";
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
  (void)std::fflush(stdout);
}

void EventLog::set_request(std::string request_id) {
  const std::lock_guard lock(mutex_);
  request_id_ = std::move(request_id);
  object_.clear();
}

void EventLog::set_object(std::string object) {
  const std::lock_guard lock(mutex_);
  object_ = std::move(object);
}

}  // namespace aphex::provider
