#pragma once
// The run's working copy: a fresh clone of exactly its commit (or a copy of the working tree).
//
// runs/<id>/work.json {"version": 1, "commit": "<sha>", "artifacts": bool} is written once the copy
// is whole; without it, what lies in work/ is a remainder and is made anew. "artifacts" says that
// the build's results are in it too.

#include "engine/step.hpp"

namespace aphex::engine {

enum class WorkingCopyState { missing, source, built };

WorkingCopyState working_copy_state(const StepContext& context);
// Makes it where it is missing.
Status ensure_working_copy(StepContext& context);
Status discard_working_copy(const StepContext& context);
Status mark_working_copy_built(const StepContext& context);

}  // namespace aphex::engine
