#pragma once
// What a step's code gets and gives back. The same code runs under the embedded engine and in pods.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aws/credentials.hpp"
#include "base/result.hpp"
#include "engine/approval_gate.hpp"
#include "engine/run_parameters.hpp"
#include "engine/run_paths.hpp"
#include "engine/secret_masker.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "plan/plan.hpp"
#include "store/artifact_store.hpp"
#include "store/branch_stack.hpp"
#include "store/dependency_cache.hpp"

namespace aphex::engine {

// Receives what a step says; each line goes, masked, into the step's log and to whoever watches.
// Thread-safe: stacks deploy side by side.
class StepLog {
 public:
  virtual ~StepLog() = default;
  // A line of a program's output. `source` is put before it for those who watch ("ApiStack");
  // empty where a step runs one program only.
  virtual void output(std::string_view source, std::string_view line) = 0;
  // A line of our own: what is done and why.
  virtual void note(std::string_view line) = 0;
};

struct StepContext;

// Where the pipeline's own plan is kept: the database here, the WorkflowTemplate in a cluster.
class PlanStore {
 public:
  struct Update {
    const plan::Plan& plan;  // the commit's
    const config::Config& config;
    StepContext& context;
  };
  enum class Change {
    unchanged,   // it was there already
    replaced,    // readers see it from now on
    superseded,  // a newer commit's stands, and stays
  };
  virtual ~PlanStore() = default;
  // What the commit asks for. A store that knows settings from elsewhere puts them in.
  virtual Result<plan::Plan> plan_of(const config::Config& config, const std::string& pipeline) {
    return plan::make_plan(config, pipeline);
  }
  // Brings the pipeline to the commit's plan. In one step: readers see the old plan or the new, and
  // after an Error the old one.
  virtual Result<Change> update(const Update& update) = 0;
};

enum class Source { commit, worktree };
enum class AwsTarget { real, sandbox };
enum class BuildMode { reuse, again };

// Who makes the working copy of a commit.
enum class WorkingCopyOrigin {
  clone,      // the step that needs it first, by git
  prepared,   // another program, which left a clone report (clone_report.hpp)
  artifacts,  // the build: it comes out of the commit's artifacts alone
};

// What a person types, named by hints.
struct RunCommands {
  std::string resume = "aphex resume";          // goes on where the run failed
  std::string rebuild = "aphex run --rebuild";  // makes the artifacts anew
};

// What of the pipeline a run executes.
enum class Scope {
  pipeline,    // all of it
  validation,  // a pull request: nothing that needs credentials or starts a program of the commit
  branch,      // a branch with a pipeline of its own (run_scope.hpp)
};

struct RunOptions {
  Source source = Source::commit;
  std::string clone_source;        // a path or an address that git can clone
  std::filesystem::path worktree;  // with Source::worktree
  std::string config_path = std::string(config::kFileName);  // relative to the repository
  AwsTarget aws = AwsTarget::real;
  BuildMode build = BuildMode::reuse;  // of artifacts that the commit already has
  std::string artifact_store;          // s3://bucket[/prefix] or a directory
  int restarts = 0;                    // how often this commit was already handed over
  Scope scope = Scope::pipeline;
  std::string branch_id{};  // with Scope::branch; part of its stacks' names
  // In a pod. Not part of a run's record: such a run is never resumed.
  WorkingCopyOrigin origin = WorkingCopyOrigin::clone;
  std::filesystem::path clone_report{};  // with WorkingCopyOrigin::prepared
  RunCommands commands{};
};

// What outlives the step. References are owned by the engine.
struct Services {
  os::ProcessRunner& processes;
  std::shared_ptr<os::Clock> clock;
  std::shared_ptr<aws::HttpClient> http;
  store::ArtifactStore& artifacts;
  store::DependencyCache& dependencies;
  PlanStore& plans;
  ApprovalGate& approvals;
  SecretMasker& secrets;
  // What child processes inherit: ours, with the sandbox's variables where it is used.
  os::EnvironmentVariables environment;
  // The pipeline's own credentials, from `environment`.
  aws::AwsContext aws;
  // Told of each stack of a branch's own pipeline before it is deployed, so that it can be torn
  // down. Thread-safe; empty where no branch has one.
  std::function<Status(const store::BranchStack&)> on_branch_stack{};
};

struct StepContext {
  const plan::Plan& plan;
  const plan::Stage& stage;
  const plan::Step& step;
  const RunParameters& parameters;
  const RunOptions& options;
  const RunPaths& paths;
  Services& services;
  StepLog& log;
  os::CancelToken cancel;
  // Told of each process group that the step starts, so that a later start can end what a killed
  // one left behind. May be empty; called from any thread.
  std::function<void(int process_group)> on_process_group{};
  // Of the whole plan that the run executes: `plan` may be one stage's part of it.
  std::string plan_digest{};
  std::int64_t run = 0;
};

struct StepOutcome {
  enum class Kind {
    done,
    skipped,         // there was nothing to do
    stage_complete,  // the rest of the stage is not needed
    hand_over,       // the run ends here; a new one of the same commit follows
  };
  Kind kind = Kind::done;
  std::string summary;               // a few words for the table: "4 stacks, 2 unchanged"
  std::uint64_t uploaded_bytes = 0;  // to the artifact store
};

using StepFunction = Result<StepOutcome> (*)(StepContext&);

}  // namespace aphex::engine
