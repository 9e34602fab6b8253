#pragma once
// The Plan: everything that a run will do, as data. Made from a Config alone, pure and
// deterministic; everything else is a projection of it or a way to execute it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "doc/value.hpp"

namespace aphex::plan {

// Of the JSON form. A reader refuses a newer one.
inline constexpr std::int64_t kPlanVersion = 1;

enum class StageKind { validate, build, pipeline, approve, deploy, test };

// What a command belongs to; decides its environment variables and the name of its log.
enum class CommandRole { build, before_deploy, after_deploy, test };

// One struct a step kind. `environment` is an index into Plan::environments.
struct CloneCommit {};         // a working copy of exactly the run's commit
struct CheckConfiguration {};  // the commit's aphex-config.yaml, whole
struct CheckTools {};          // the programs that later steps start
struct CheckAccess {
  std::size_t environment;
};                        // credentials, bootstrap, trust
struct CheckApp {};       // cdk.json and its context
struct FindArtifacts {};  // ends the stage when this commit is already built
struct RestoreCache {
  std::vector<std::string> paths;
};
struct RunCommand {
  CommandRole role;
  std::string command;
  std::optional<std::size_t> environment;
};
struct Synthesize {
  std::size_t environment;
};  // unless an assembly that fits is there
struct CheckStacks {
  std::size_t environment;
};  // configured names against the app's
struct UploadArtifacts {
  std::vector<std::string> paths;
};
struct UpdatePipeline {};  // applies the commit's plan where it differs
struct DownloadArtifacts {};
struct DeployStacks {
  std::size_t environment;
};
struct CaptureOutputs {
  std::size_t environment;
};
struct ProvideOutputs {
  std::size_t environment;
};
struct PrepareChanges {
  std::size_t environment;
};  // what a deployment would change, compared with what is deployed
struct AwaitApproval {
  std::size_t environment;
  config::Approval approval;
};  // until people have decided, or the time is up
struct CheckApproval {
  std::size_t environment;
};  // what is about to be deployed is what was approved

using StepBody =
    std::variant<CloneCommit, CheckConfiguration, CheckTools, CheckAccess, CheckApp, FindArtifacts,
                 RestoreCache, RunCommand, Synthesize, CheckStacks, UploadArtifacts, UpdatePipeline,
                 DownloadArtifacts, DeployStacks, CaptureOutputs, ProvideOutputs, PrepareChanges,
                 AwaitApproval, CheckApproval>;

struct Step {
  std::string id;     // unique in its stage; [a-z0-9-]+ but for environment names
  std::string title;  // for people
  StepBody body;
};

struct Stage {
  std::string id;  // "validate", "build", "pipeline", "approve-<env>", "deploy-<env>", "test-<env>"
  StageKind kind = StageKind::validate;
  std::optional<std::size_t> environment;
  std::vector<std::string> needs;   // ids of the stages that must have succeeded
  std::chrono::seconds timeout{0};  // of an approve stage: without the wait
  std::vector<Step> steps;
};

struct Environment {
  std::string name;
  std::string region;
  std::string account;
  std::vector<config::Stack> stacks;  // in the order of the file
};

struct Plan {
  std::string pipeline;  // its name
  config::OnChange on_change = config::OnChange::restart;
  std::uint32_t max_parallel_stacks = 4;
  std::string bootstrap_qualifier;
  std::string artifact_store;
  doc::Value stack_settings;
  std::vector<Environment> environments;
  std::vector<Stage> stages;  // in the order of execution
};

// `repository_name` names the pipeline where the configuration does not.
Plan make_plan(const config::Config& config, std::string_view repository_name);

// The canonical JSON form: every field, always in the same order.
doc::Value to_value(const Plan& plan);
Result<Plan> from_value(const doc::Value& value);

// SHA-256 over the canonical form, as hexadecimal: equal plans have equal digests.
std::string digest(const Plan& plan);

std::string_view to_string(StageKind kind);
std::string_view to_string(CommandRole role);
// "clone", "run-command", …: the kind's name in JSON, in records and in the engine's table.
std::string_view kind_name(const StepBody& body);

// How long the stage may wait for people, beside its timeout; zero where it asks nobody.
std::chrono::seconds approval_wait(const Stage& stage);

const Stage* find_stage(const Plan& plan, std::string_view id);

}  // namespace aphex::plan
