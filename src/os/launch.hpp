#pragma once
// Starting a program: the part between fork and exec. Used by the runner and by start_daemon.

#include "base/result.hpp"
#include "os/process.hpp"

namespace aphex::os {

// Descriptors that become 0, 1 and 2 of the child; each above 2, owned by the caller.
struct StandardStreams {
  int input = -1;
  int output = -1;
  int error = -1;
};

// Starts spec.argv in a process group of its own, with default signal dispositions, nothing
// blocked, no other descriptor open, and SIGTERM when the calling thread ends. Safe from many
// threads at once: it never changes this process's directory, environment or signals.
// When it returns a pid the program has been executed; the caller reaps it. O(descriptors).
Result<int> launch(const ProcessSpec& spec, const StandardStreams& streams);

// As launch, but in a session of its own, not our child, and not ended with us.
Result<int> launch_detached(const ProcessSpec& spec, const StandardStreams& streams);

}  // namespace aphex::os
