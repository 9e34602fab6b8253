#pragma once
// Removes what the pipeline of a branch has deployed.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "engine/step.hpp"
#include "store/run_database.hpp"

namespace aphex::engine {

struct TeardownParts {
  store::RunDatabase& database;
  Services& services;
  os::CancelToken cancel;
  std::function<void(std::string_view)> say;  // a line for the log
};

struct TeardownReport {
  std::size_t stacks = 0;
  std::size_t artifacts = 0;
};

// Deletes the stacks recorded for `pipeline` in the reverse order of their deployment, through the
// deploy role of their account, and then the artifacts of the branch's commits. What is gone is
// forgotten at once, so that a teardown that was interrupted goes on with the rest. One that
// another stack still needs is tried again when others are gone. The error names every stack that
// is left, and why.
Result<TeardownReport> tear_down(const TeardownParts& parts, const std::string& pipeline,
                                 const std::string& branch_id);

}  // namespace aphex::engine
