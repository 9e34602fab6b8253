#pragma once
// Large trees that nobody needs any more: out of the way at once, removed in the background.
//
// A working copy with node_modules has ten thousand files and more; nobody should wait at the end
// of a run until they are gone. <state>/trash/ holds what is being removed; what an interrupted
// removal left there goes with the next one.

#include <filesystem>

#include "base/result.hpp"
#include "engine/run_paths.hpp"
#include "os/process.hpp"

namespace aphex::engine {

// Afterwards nothing is at `tree`; nothing there before is fine.
Status discard(const StatePaths& paths, const std::filesystem::path& tree,
               const os::EnvironmentVariables& environment);

}  // namespace aphex::engine
