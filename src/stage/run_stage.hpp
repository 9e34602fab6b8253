#pragma once
// The main container of a stage's pod: the engine's own steps, once, for one stage.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "engine/run_observer.hpp"
#include "engine/service_set.hpp"
#include "stage/layout.hpp"
#include "stage/pod.hpp"

namespace aphex::stage {

struct StageCall {
  os::EnvironmentVariables environment;
  std::filesystem::path plan_file{argo::kPlanFile};
  std::filesystem::path settings_file{argo::kSettingsFile};
  Layout layout;
  // Gets the log, one JSON object a line. Called from several threads, one at a time.
  std::function<void(std::string_view line)> write;
  // Shows the stage to a person instead, where there is one. May be null.
  engine::RunObserver* display = nullptr;
};

struct StageOutcome {
  int exit_code = 0;
  std::optional<Error> error;  // masked
};

StageOutcome run_stage(const StageCall& call, const os::CancelToken& cancel);

}  // namespace aphex::stage
