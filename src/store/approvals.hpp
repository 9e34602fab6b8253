#pragma once
// What runs ask people before they deploy to an environment, and what people answered, in the state
// directory's database. Thread-safe; the process of a run, a server and commands have it open at
// once.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.hpp"
#include "store/approval_rules.hpp"
#include "store/database.hpp"

namespace aphex::store {

enum class ApprovalState {
  pending,
  approved,
  rejected,
  expired,    // nobody decided in time, which rejects
  withdrawn,  // what would change is other by now, and was asked anew
};
std::string_view to_string(ApprovalState state);
std::optional<ApprovalState> approval_state_from(std::string_view text);

// A request with all that a message about it needs; the run's columns are joined in.
struct ApprovalRecord {
  std::int64_t id = 0;
  std::int64_t run = 0;
  std::string environment;
  ApprovalState state = ApprovalState::pending;
  std::string digest;   // of what was shown
  std::string summary;  // "2 stacks change, 1 is new; grants more than before"
  bool broadens = false;
  ApprovalPolicy policy;
  Millis created_at = 0;
  Millis expires_at = 0;
  std::optional<Millis> ended_at;
  std::vector<DecisionRecord> decisions;  // oldest first
  // Of the run.
  std::string pipeline;
  RunState run_state = RunState::queued;
  std::string commit_sha;
  std::string repository_url;
  std::string branch;
  std::string author;   // "Name <address>"
  std::string message;  // the commit's, whole
};

// "ada approved it", "rejected by grace: not on a Friday", "nobody decided until 2026-…": how it
// ended, for messages. Of a pending one: for whom it waits, until when.
std::string describe(const ApprovalRecord& record);

struct NewApproval {
  std::int64_t run = 0;
  std::string environment;
  std::string digest;
  std::string changes;  // JSON
  std::string summary;
  bool broadens = false;
  ApprovalPolicy policy;
  Millis expires_after = 0;
};

class ApprovalStore {
 public:
  static Result<std::unique_ptr<ApprovalStore>> open(const std::filesystem::path& database,
                                                     std::shared_ptr<os::Clock> clock);

  // The request of this run and environment: the one that is open, where it shows the same; one
  // that was approved, or that ended without the run having learned of it (it was killed
  // meanwhile); else a new one. An open one that shows something else is withdrawn.
  Result<ApprovalRecord> ask(const NewApproval& approval);
  // The run has acted on how it ended: should it be resumed, it asks anew unless it was approved.
  Status take(std::int64_t id);

  // Of runs that are still going (or were killed, and may be resumed), oldest first. Those whose
  // time is up are ended as expired first.
  Result<std::vector<ApprovalRecord>> pending();
  // All of a run, oldest first; withdrawn ones too.
  Result<std::vector<ApprovalRecord>> of_run(std::int64_t run);
  Result<ApprovalRecord> approval(std::int64_t id);  // not_found
  Result<std::string> changes(std::int64_t id);      // the JSON that was shown; not_found
  // The last request of an environment that was approved for this run, if any.
  Result<std::optional<ApprovalRecord>> approved(std::int64_t run, const std::string& environment);

  // All rules in one transaction; the request as it is after it. Errors beside those of
  // may_decide(): not_found (no such request), usage (it has ended, or its run has), timeout (its
  // time is up).
  Result<ApprovalRecord> decide(std::int64_t id, const std::string& who, Decision decision,
                                const std::string& comment);

 private:
  ApprovalStore(Database database, std::shared_ptr<os::Clock> clock)
      : database_(std::move(database)), clock_(std::move(clock)) {}
  Millis now() const { return clock_->now().time_since_epoch().count(); }
  // Within mutex_.
  Status expire_overdue();
  Result<std::vector<ApprovalRecord>> select(const std::string& condition,
                                             const std::vector<std::int64_t>& values);
  Result<ApprovalRecord> read(std::int64_t id);
  Status add_decisions(ApprovalRecord& record);
  Status end(std::int64_t id, ApprovalState state);
  Result<std::int64_t> insert(const NewApproval& approval);

  std::mutex mutex_;  // guards database_
  Database database_;
  std::shared_ptr<os::Clock> clock_;
};

}  // namespace aphex::store
