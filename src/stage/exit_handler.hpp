#pragma once
// The container that runs when a workflow has ended: metrics, notification, final status.

#include <functional>

#include "os/process.hpp"
#include "stage/run_stage.hpp"

namespace aphex::stage {

struct ExitCall {
  os::EnvironmentVariables environment;
  std::function<void(std::string_view line)> write;  // the log, one JSON object a line
  engine::RunObserver* display = nullptr;            // see StageCall
};

// Does all of it, whatever of it fails: that is said in the log. Only what the pod lacks makes an
// exit code, because Argo would take it for the workflow's: a run that succeeded must not fail over
// a notification.
StageOutcome run_exit_handler(const ExitCall& call, const os::CancelToken& cancel);

}  // namespace aphex::stage
