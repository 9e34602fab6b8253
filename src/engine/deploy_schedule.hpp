#pragma once
// Runs tasks that need one another: side by side where they may, nothing new after a failure.

#include <cstddef>
#include <functional>
#include <vector>

#include "base/graph.hpp"
#include "base/result.hpp"
#include "os/cancel.hpp"

namespace aphex::engine {

struct Schedule {
  std::vector<std::size_t> order;  // a topological order; decides who starts first
  Needs needs;                     // by task
  std::size_t max_parallel = 1;
  os::CancelToken cancel;  // once cancelled nothing new starts
};

enum class TaskState { not_started, done, failed };

// By task. Returns when every started task has ended: a failure or a cancellation lets the running
// ones finish. `task` is called from several threads.
std::vector<TaskState> run_schedule(const Schedule& schedule,
                                    const std::function<Status(std::size_t)>& task);

}  // namespace aphex::engine
