#pragma once
// The artifacts of a recorded run, for whoever does not execute it.

#include <memory>

#include "engine/artifacts.hpp"
#include "engine/service_set.hpp"
#include "store/run_records.hpp"

namespace aphex::engine {

// Where a run's artifacts are.
struct ArtifactPlace {
  std::unique_ptr<ServiceSet> services;
  std::string prefix;       // of their keys
  bool on_machine = false;  // a directory: looking costs nothing

  store::ArtifactStore& store() const { return services->services().artifacts; }
};

// `environment` is that of this process; of a run on the local AWS its address is added.
Result<ArtifactPlace> artifacts_of(const store::RunRecord& run, store::RunDatabase& database,
                                   const StatePaths& paths,
                                   const os::EnvironmentVariables& environment);

// Nothing where the commit was not built to its end. `scratch` is a directory for a small file.
Result<std::optional<ArtifactManifest>> read_manifest(ArtifactPlace& place,
                                                      const std::filesystem::path& scratch,
                                                      const os::CancelToken& cancel);

}  // namespace aphex::engine
