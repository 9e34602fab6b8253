#pragma once
// From what a person asks for ("this repository, that commit") to a request that the engine takes.

#include "engine/commit_config.hpp"
#include "engine/git.hpp"
#include "engine/run_engine.hpp"
#include "engine/run_scope.hpp"

namespace aphex::engine {

enum class PlanChoice {
  stored,  // the pipeline's own; the commit's where the pipeline has none yet
  commit,  // the commit's, at once
};

struct RunWish {
  std::filesystem::path directory;  // somewhere in the repository
  std::string commit = "HEAD";
  std::string branch;  // empty: the checked-out one
  Source source = Source::commit;
  std::string config_path = std::string(config::kFileName);
  std::string artifact_store;
  AwsTarget aws = AwsTarget::real;
  BuildMode build = BuildMode::reuse;
  PlanChoice plan = PlanChoice::stored;
  ScopedPipeline
      scope{};  // other than the whole pipeline: under the commit's plan, whatever `plan`
  // Given instead of read from git; empty: read.
  std::string repository_url;
  std::string author;
  std::string message;
};

struct RefusedConfig {
  aphex::Source source;
  config::LoadResult result;
};

struct PreparedRun {
  std::optional<RunRequest> request;
  // What the commit itself asks for; the request may run under the pipeline's stored plan.
  std::optional<plan::Plan> own_plan;
  std::optional<RefusedConfig> refused;  // the configuration has errors
  std::string note;                      // about the plan that was chosen; mostly empty
};

// Refuses a dirty tree (unless the working tree itself is asked for) and a commit without a valid
// configuration.
Result<PreparedRun> prepare_run(const RunWish& wish, Git& git, store::RunDatabase& database);

}  // namespace aphex::engine
