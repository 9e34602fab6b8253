#pragma once
// The init container: a working copy of exactly the commit, and a report about it.

#include "base/result.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "stage/layout.hpp"
#include "stage/pod.hpp"

namespace aphex::stage {

struct CloneParts {
  os::ProcessRunner& processes;
  os::Clock& clock;
  os::EnvironmentVariables environment;
  std::filesystem::path program;  // aphex itself: git's credential helper
  // Says what is done; never the token.
  std::function<void(std::string_view line)> say;
};

// Clones into the layout's source directory and writes the clone report, whether it went well or
// not: an Error only where not even that could be written.
Status clone_for_stage(const CloneParts& parts, const Layout& layout,
                       const os::CancelToken& cancel);

}  // namespace aphex::stage
