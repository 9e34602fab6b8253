#include "engine/run_artifacts.hpp"

#include <fmt/format.h>

#include "engine/run_engine.hpp"
#include "engine/sandbox.hpp"
#include "os/files.hpp"

namespace aphex::engine {

Result<ArtifactPlace> artifacts_of(const store::RunRecord& run, store::RunDatabase& database,
                                   const StatePaths& paths,
                                   const os::EnvironmentVariables& environment) {
  APHEX_TRY(const RunOptions options, run_options_from(run.options));
  APHEX_TRY(const doc::Value value, doc::parse_json(run.plan));
  APHEX_TRY(const plan::Plan plan, plan::from_value(value));
  ServiceRequest request;
  request.paths = paths;
  request.environment = environment;
  request.aws = options.aws;
  request.artifact_store = options.artifact_store;
  if (!plan.environments.empty()) request.region = plan.environments.front().region;
  ArtifactPlace place;
  place.on_machine = !options.artifact_store.starts_with("s3://");
  place.prefix = artifact_prefix(options.source, run.commit_sha, std::to_string(run.id));
  if (!place.on_machine && options.aws == AwsTarget::sandbox) {
    SandboxOptions sandbox;
    sandbox.paths = paths;
    sandbox.environment = environment;
    sandbox.http = aws::make_http_client();
    sandbox.clock = os::make_system_clock();
    sandbox.processes = os::make_process_runner();
    APHEX_TRY(const std::optional<SandboxServer> server, find_sandbox(sandbox));
    if (!server) {
      return fail(ErrorCode::unavailable,
                  "the local AWS that has this run's artifacts does not run",
                  "'aphex sandbox start' starts it");
    }
    request.environment = sandbox_environment(*server, environment);
  }
  APHEX_TRY(place.services, ServiceSet::open(database, request));
  return place;
}

Result<std::optional<ArtifactManifest>> read_manifest(ArtifactPlace& place,
                                                      const std::filesystem::path& scratch,
                                                      const os::CancelToken& cancel) {
  APHEX_CHECK(os::make_directories(scratch));
  APHEX_TRY(const os::TemporaryDirectory directory,
            os::TemporaryDirectory::create(scratch, "manifest-"));
  return read_manifest_of(place.store(), place.prefix,
                          {directory.path() / "artifacts.json", "aphex run", cancel});
}

}  // namespace aphex::engine
