#include "engine/stack_state.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace aphex::engine {
namespace {

constexpr std::int64_t kEventsVersion = 1;
// Beyond the first few, failures follow from them.
constexpr std::size_t kMaxFailedResources = 3;
constexpr std::string_view kStackType = "AWS::CloudFormation::Stack";
constexpr std::size_t kSecondsLength = std::string_view("2026-01-31T08:15:30").size();

bool is_of_stack(const aws::StackEvent& event, const std::string& physical_name) {
  return event.resource_type == kStackType && event.logical_id == physical_name;
}

bool begins_operation(const aws::StackEvent& event) {
  return event.status == "CREATE_IN_PROGRESS" || event.status == "UPDATE_IN_PROGRESS" ||
         event.status == "IMPORT_IN_PROGRESS";
}

// CloudFormation's wording for resources that it stopped because another one had failed.
bool only_followed(const aws::StackEvent& event) {
  return event.reason.find("cancelled") != std::string::npos;
}

}  // namespace

StackState classify_status(std::string_view status) {
  if (status.empty() || status == "DELETE_COMPLETE") return StackState::absent;
  // A change set that nobody executed: the next one takes its place.
  if (status == "REVIEW_IN_PROGRESS") return StackState::settled;
  if (status.ends_with("_IN_PROGRESS")) return StackState::in_progress;
  if (status == "ROLLBACK_COMPLETE" || status == "ROLLBACK_FAILED" || status == "CREATE_FAILED") {
    return StackState::recreated;
  }
  if (status == "UPDATE_ROLLBACK_FAILED") return StackState::stuck_rollback;
  if (status == "DELETE_FAILED") return StackState::stuck_delete;
  return StackState::settled;
}

bool is_failure(std::string_view status) {
  return status.ends_with("_FAILED") || status.find("ROLLBACK") != std::string_view::npos;
}

std::string remedy(std::string_view status, const RemedyWords& words) {
  const auto& [stack, region, resume] = words;
  if (status == "UPDATE_ROLLBACK_COMPLETE") {
    return fmt::format("the stack is as it was before; mend the cause and push, or `{}`", resume);
  }
  switch (classify_status(status)) {
    case StackState::absent:
      return {};
    case StackState::settled:
      return {};
    case StackState::recreated:
      return fmt::format(
          "mend the cause and push, or `{}`: the next deployment deletes the stack, which holds "
          "nothing, and creates it anew",
          resume);
    case StackState::in_progress:
      return fmt::format(
          "wait for the operation's end (aws cloudformation describe-stacks --stack-name {} "
          "--region {}), or end an update (aws cloudformation cancel-update-stack --stack-name "
          "{} --region {}); then `{}`",
          stack, region, stack, region, resume);
    case StackState::stuck_rollback:
      return fmt::format(
          "the rollback itself failed: mend what its events name, run `cdk rollback {}` (--orphan "
          "<logical id> skips a resource), then `{}`",
          stack, resume);
    case StackState::stuck_delete:
      return fmt::format(
          "the deletion failed: mend what its events name, or delete it with the resources kept "
          "(aws cloudformation delete-stack --stack-name {} --region {} --retain-resources "
          "<logical id>); then `{}`",
          stack, region, resume);
  }
  return {};
}

std::string look_command(const std::string& physical_name, const std::string& region) {
  return fmt::format("aws cloudformation describe-stack-events --stack-name {} --region {}",
                     physical_name, region);
}

std::vector<aws::StackEvent> last_operation(const std::vector<aws::StackEvent>& events,
                                            const std::string& physical_name,
                                            const std::string& not_before) {
  const auto start = std::find_if(events.rbegin(), events.rend(), [&](const auto& event) {
    return is_of_stack(event, physical_name) && begins_operation(event);
  });
  if (start == events.rend()) return {};
  // Times may differ in their fractions; the seconds compare as text.
  if (start->time.substr(0, kSecondsLength) < not_before.substr(0, kSecondsLength)) return {};
  return {start.base() - 1, events.end()};
}

std::vector<std::string> failed_resources(const std::vector<aws::StackEvent>& events,
                                          const std::string& physical_name) {
  std::vector<std::string> result;
  std::string of_stack;
  for (const aws::StackEvent& event : events) {
    const bool own = is_of_stack(event, physical_name);
    // An export that another stack imports: no resource fails, the stack rolls back by itself.
    if (own && event.status.ends_with("ROLLBACK_IN_PROGRESS") && of_stack.empty()) {
      of_stack = event.reason;
    }
    if (!event.status.ends_with("_FAILED") || only_followed(event)) continue;
    if (own) {
      if (!event.reason.empty()) of_stack = event.reason;
    } else if (result.size() < kMaxFailedResources) {
      result.push_back(
          fmt::format("{} ({}): {}", event.logical_id, event.resource_type,
                      event.reason.empty() ? std::string_view(event.status) : event.reason));
    }
  }
  if (result.empty() && !of_stack.empty()) result.push_back(of_stack);
  return result;
}

doc::Value events_value(const std::string& stack, const aws::StackDescription& description,
                        const std::vector<aws::StackEvent>& events) {
  doc::Value list = doc::Value::array();
  for (const aws::StackEvent& event : events) {
    list.push_back(doc::Value::object({{"time", event.time},
                                       {"logicalId", event.logical_id},
                                       {"physicalId", event.physical_id},
                                       {"type", event.resource_type},
                                       {"status", event.status},
                                       {"reason", event.reason}}));
  }
  return doc::Value::object({{"version", kEventsVersion},
                             {"stack", stack},
                             {"physicalName", description.name},
                             {"status", description.status},
                             {"events", std::move(list)}});
}

}  // namespace aphex::engine
