#pragma once

namespace aphex::os {

// Whether a process of the group still runs. Zombies do not count: in a container whose first
// process reaps nothing they stay for ever.
bool group_runs(int process_group);

}  // namespace aphex::os
