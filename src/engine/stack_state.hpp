#pragma once
// CloudFormation's stack states and events, explained. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "aws/services.hpp"
#include "doc/value.hpp"

namespace aphex::engine {

enum class StackState {
  absent,          // never created, or deleted
  settled,         // …_COMPLETE: the next deployment updates it
  recreated,       // a failed creation: the CDK CLI deletes it and creates it anew
  in_progress,     // an operation is under way
  stuck_rollback,  // UPDATE_ROLLBACK_FAILED
  stuck_delete,    // DELETE_FAILED
};
StackState classify_status(std::string_view status);

// Whether a deployment that ended in this status went wrong.
bool is_failure(std::string_view status);

// What to do about a stack in this status; empty where nothing is needed.
struct RemedyWords {
  std::string stack;  // by the name that the command in question takes
  std::string region;
  std::string resume;  // the command that goes on with the run
};
std::string remedy(std::string_view status, const RemedyWords& words);

// The commands that show how a stack fares and what happened to it.
std::string look_command(const std::string& physical_name, const std::string& region);

// The events of the last operation on the stack itself, oldest first, where it began at
// `not_before` (RFC 3339, to the second) or later; nothing otherwise.
std::vector<aws::StackEvent> last_operation(const std::vector<aws::StackEvent>& events,
                                            const std::string& physical_name,
                                            const std::string& not_before);

// "Queue (AWS::SQS::Queue): already exists", the first failures: those that only followed are left
// out.
std::vector<std::string> failed_resources(const std::vector<aws::StackEvent>& events,
                                          const std::string& physical_name);

// events/<environment>/<stack>.json:
//   {"version": 1, "stack": "…", "physicalName": "…", "status": "…",
//    "events": [{"time", "logicalId", "physicalId", "type", "status", "reason"}]}
doc::Value events_value(const std::string& stack, const aws::StackDescription& description,
                        const std::vector<aws::StackEvent>& events);

}  // namespace aphex::engine
