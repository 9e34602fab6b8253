#pragma once
// CloudFormation's events of failed deployments, kept beyond the pod that saw them.

#include <string>
#include <vector>

#include "engine/run_paths.hpp"
#include "store/artifact_store.hpp"

namespace aphex::stage {

struct FailureEvents {
  const engine::RunPaths& paths;
  store::ArtifactStore& artifacts;
  std::string commit_sha;
  std::string environment;
};

// Puts each events/<environment>/<stack>.json beside the commit's artifacts, under the same name.
// Returns where they are: "s3://bucket/<commit>/events/dev/ApiStack.json". None is fine.
Result<std::vector<std::string>> keep_failure_events(const FailureEvents& events,
                                                     const os::CancelToken& cancel);

}  // namespace aphex::stage
