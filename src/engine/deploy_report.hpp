#pragma once
// What became of each stack of a deployment, and how that is told.

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/deploy_schedule.hpp"
#include "engine/deployer.hpp"
#include "os/cancel.hpp"
#include "plan/plan.hpp"

namespace aphex::engine {

class DeployReport {
 public:
  explicit DeployReport(const plan::Environment& environment) : environment_(environment) {}

  // Thread-safe. Returns a line for the log.
  std::string record(std::size_t stack, Result<StackChange> change,
                     std::chrono::duration<double> took);
  Status status(std::size_t stack) const;

  // "4 stacks: 3 changed, 1 unchanged", or an Error that names every failed stack and those that
  // did not start; retryable where every failure is.
  Result<std::string> conclude(const std::vector<TaskState>& states,
                               const os::CancelToken& cancel) const;

 private:
  tl::unexpected<Error> failure(const std::vector<TaskState>& states) const;

  const plan::Environment& environment_;
  mutable std::mutex mutex_;
  std::map<std::size_t, Result<StackChange>> results_;  // guarded by mutex_
};

}  // namespace aphex::engine
