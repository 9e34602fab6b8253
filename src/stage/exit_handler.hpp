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

// Does all of it, whatever of it fails. The exit code says whether another try may help, never how
// the workflow ended: that is decided.
StageOutcome run_exit_handler(const ExitCall& call, const os::CancelToken& cancel);

}  // namespace aphex::stage
