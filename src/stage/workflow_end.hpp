#pragma once
// How a workflow ended, as Argo tells its exit handler, and what people are told of it. Pure.

#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/process.hpp"
#include "stage/pod.hpp"

namespace aphex::stage {

enum class WorkflowStatus {
  succeeded,
  handed_over,  // a new workflow goes on with the commit: the end is yet to come
  failed,
  error,
};

struct WorkflowFailure {
  std::string node;     // "deploy-dev"; with the retry's number where Argo tried again
  std::string message;  // Argo's: "main: Error (exit code 1)"
  std::string pod;
};

struct WorkflowResult {
  WorkflowStatus status = WorkflowStatus::failed;
  std::vector<WorkflowFailure> failures;
  double duration_seconds = 0;
};

// Of kEnvWorkflowStatus, kEnvWorkflowFailures and kEnvWorkflowDuration.
Result<WorkflowResult> read_workflow_result(const os::EnvironmentVariables& environment);

// Argo's page of the workflow; empty where its address is not configured.
std::string workflow_link(const Pod& pod);

struct Announcement {
  std::string subject;
  std::string text;
};
Announcement announcement(const Pod& pod, const WorkflowResult& result);

}  // namespace aphex::stage
