#include "engine/deploy_report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::engine {
namespace {

std::string count_stacks(std::size_t count) {
  return fmt::format("{} stack{}", count, count == 1 ? "" : "s");
}

bool was_interrupted(const Error& error) {
  return error.code == ErrorCode::cancelled || error.code == ErrorCode::timeout;
}

}  // namespace

std::string DeployReport::record(std::size_t stack, Result<StackChange> change,
                                 std::chrono::duration<double> took) {
  const std::string& name = environment_.stacks.at(stack).name;
  std::string line =
      change ? fmt::format("{} {} ({:.1f} s)", name,
                           *change == StackChange::changed ? "deployed" : "unchanged", took.count())
             : change.error().message;
  const std::lock_guard lock(mutex_);
  results_.insert_or_assign(stack, std::move(change));
  return line;
}

Status DeployReport::status(std::size_t stack) const {
  const std::lock_guard lock(mutex_);
  const Result<StackChange>& result = results_.at(stack);
  if (result) return {};
  return tl::unexpected<Error>(result.error());
}

Result<std::string> DeployReport::conclude(const std::vector<TaskState>& states,
                                           const os::CancelToken& cancel) const {
  const std::lock_guard lock(mutex_);
  const bool all_done = std::all_of(states.begin(), states.end(),
                                    [](TaskState state) { return state == TaskState::done; });
  if (!all_done) {
    const bool failed = std::any_of(states.begin(), states.end(),
                                    [](TaskState state) { return state == TaskState::failed; });
    if (failed) return failure(states);
    return fail(ErrorCode::cancelled,
                fmt::format("cancelled ({}) before every stack of {} was deployed", cancel.reason(),
                            environment_.name));
  }
  const auto changed = std::count_if(results_.begin(), results_.end(), [](const auto& result) {
    return *result.second == StackChange::changed;
  });
  const auto unchanged = static_cast<std::ptrdiff_t>(results_.size()) - changed;
  if (changed == 0) return count_stacks(results_.size()) + ", unchanged";
  if (unchanged == 0) return count_stacks(results_.size()) + ", changed";
  return fmt::format("{}: {} changed, {} unchanged", count_stacks(results_.size()), changed,
                     unchanged);
}

tl::unexpected<Error> DeployReport::failure(const std::vector<TaskState>& states) const {
  std::vector<std::string> messages;
  std::vector<std::string> hints;
  std::vector<std::string> waiting;
  const Error* worst = nullptr;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] == TaskState::not_started) waiting.push_back(environment_.stacks[i].name);
    if (states[i] != TaskState::failed) continue;
    const Error& error = results_.at(i).error();
    messages.push_back(describe(error));
    if (!error.hint.empty() && std::find(hints.begin(), hints.end(), error.hint) == hints.end()) {
      hints.push_back(error.hint);
    }
    // A real failure speaks for the step before interruptions, a terminal one before transient.
    if (worst == nullptr || (was_interrupted(*worst) && !was_interrupted(error)) ||
        (worst->retry == Retry::retryable && error.retry == Retry::terminal &&
         !was_interrupted(error))) {
      worst = &error;
    }
  }
  Error result = *worst;
  result.cause = nullptr;
  result.message = messages.size() == 1 ? messages.front()
                                        : fmt::format("{} of {} failed in {}: {}", messages.size(),
                                                      count_stacks(states.size()),
                                                      environment_.name, join(messages, "; "));
  if (!waiting.empty()) result.message += "; not started: " + join(waiting, ", ");
  result.hint = join(hints, "; ");
  return fail(std::move(result));
}

}  // namespace aphex::engine
