#pragma once
// Whom a run asks before it deploys, and how it learns of the answer. On one machine the database
// is asked; in a workflow on a cluster, the workflow.

#include <string>

#include "base/result.hpp"
#include "changes/change_set.hpp"
#include "config/config.hpp"

namespace aphex::engine {

struct StepContext;
struct StepOutcome;

class ApprovalGate {
 public:
  struct Question {
    const changes::ChangeSet& changes;
    const config::Approval& approval;
    StepContext& context;
  };
  virtual ~ApprovalGate() = default;
  // Returns when people have decided, or where somebody else waits for them. Errors: permission
  // (rejected, with who and why), timeout (expired), cancelled.
  virtual Result<StepOutcome> ask(const Question& question) = 0;
  // The digest of the change set that was approved for this run and environment; permission where
  // none was.
  virtual Result<std::string> approved(StepContext& context, const std::string& environment) = 0;
};

}  // namespace aphex::engine
