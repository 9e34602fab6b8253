#pragma once
// The configuration as it stands in the run's working copy.

#include "config/config.hpp"
#include "engine/step.hpp"

namespace aphex::engine {

struct CommitConfig {
  aphex::Source source;
  config::LoadResult result;
};

Result<CommitConfig> load_commit_config(const StepContext& context);
Result<CommitConfig> load_commit_config(const RunPaths& paths, const RunOptions& options,
                                        const RunParameters& parameters);

// "aphex-config.yaml:4:5: Missing required field: … (and 2 more errors)".
Error configuration_error(const aphex::Source& source, const config::LoadResult& result);

}  // namespace aphex::engine
