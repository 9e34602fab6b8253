// A run's error is a chain of causes (engine/stage_runner.cpp, engine/steps/run_command.cpp):
// "stage build failed: step 'npm test': build command failed with exit code 1".
#include "server/notify/reason.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.hpp"

namespace aphex::server::notify {
namespace {

constexpr std::string_view kStep = "step '";
constexpr std::string_view kStepEnd = "': ";
constexpr std::array<std::string_view, 4> kCommands{
    "build command", "test command", "hook before deployment", "hook after deployment"};
constexpr std::string_view kExit = " failed with exit code ";
constexpr std::string_view kSignal = " was ended by signal ";

std::string_view without_stage(std::string_view error, const std::string& stage) {
  const std::string named = "stage " + stage + " ";
  if (stage.empty() || !error.starts_with(named)) return error;
  const std::string_view rest = error.substr(named.size());
  for (const std::string_view ended : {"failed: ", "was cancelled: "}) {
    if (rest.starts_with(ended)) return rest.substr(ended.size());
  }
  return rest;
}

std::string cut(std::string_view text, std::size_t characters) {
  if (utf8_length(text) <= characters) return std::string(text);
  return utf8_substr(text, 0, std::max<std::size_t>(characters, 1) - 1) + "…";
}

struct Ended {
  std::string_view command;
  std::string how;  // "ended with exit code 1"
};

// The last of the chain is ours; whatever stands before it may be in a command, too.
std::optional<Ended> ended_command(std::string_view error) {
  if (!error.starts_with(kStep)) return std::nullopt;
  const std::size_t end = error.rfind(kStepEnd);
  if (end == std::string_view::npos || end < kStep.size()) return std::nullopt;
  const std::string_view command = error.substr(kStep.size(), end - kStep.size());
  const std::string_view last = error.substr(end + kStepEnd.size());
  for (const std::string_view noun : kCommands) {
    if (!last.starts_with(noun)) continue;
    const std::string_view how = last.substr(noun.size());
    if (how.starts_with(kExit))
      return Ended{command, "ended with exit code " + std::string(how.substr(kExit.size()))};
    if (how.starts_with(kSignal)) return Ended{command, std::string(how.substr(1))};
  }
  return std::nullopt;
}

}  // namespace

std::string reason_of(const Event& event, std::size_t characters) {
  const std::string_view error = without_stage(event.error, event.stage);
  const std::optional<Ended> ended = ended_command(error);
  if (!ended) return cut(error, characters);
  const std::size_t around = utf8_length("'' " + ended->how);
  const std::size_t room = characters > around ? characters - around : 1;
  return cut("'" + cut(ended->command, room) + "' " + ended->how, characters);
}

}  // namespace aphex::server::notify
