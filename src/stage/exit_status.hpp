#pragma once
// How a stage's process ends, so that Argo knows whether trying again may help.

#include "base/result.hpp"

namespace aphex::stage {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kInvalidConfiguration = 3;
inline constexpr int kInterrupted = 130;  // argo::kExitTerminated

// As argo/stage_interface.hpp says: kExitInfrastructure only where trying again may help, and never
// because of a user's command, whatever that exited with.
int exit_status(const Error& error);

}  // namespace aphex::stage
