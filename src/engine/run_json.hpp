#pragma once
// Records as JSON, for scripts. Times are RFC 3339, UTC.

#include "doc/value.hpp"
#include "store/run_records.hpp"

namespace aphex::engine {

doc::Value to_value(const store::RunRecord& run);
doc::Value to_value(const store::StageRecord& stage);
doc::Value to_value(const store::StepRecord& step);

// Of a working tree with its changes, not of what the commit holds.
bool is_of_worktree(const store::RunRecord& run);

}  // namespace aphex::engine
