#include "engine/service_set.hpp"

namespace aphex::engine {
namespace {

std::string value_or(const os::EnvironmentVariables& environment, const std::string& name,
                     const std::string& fallback) {
  const auto found = environment.find(name);
  return found == environment.end() || found->second.empty() ? fallback : found->second;
}

}  // namespace

Result<StatePaths> state_paths(const std::string& chosen,
                               const os::EnvironmentVariables& environment) {
  std::error_code ignored;
  const auto absolute = [&](const std::filesystem::path& path) {
    return StatePaths{std::filesystem::absolute(path, ignored)};
  };
  if (!chosen.empty()) return absolute(chosen);
  if (const std::string own = value_or(environment, "APHEX_STATE_DIR", ""); !own.empty()) {
    return absolute(own);
  }
  // The XDG base directory specification: a relative path is to be ignored.
  const std::filesystem::path xdg = value_or(environment, "XDG_STATE_HOME", "");
  if (xdg.is_absolute()) return absolute(xdg / "aphex");
  const std::filesystem::path home = value_or(environment, "HOME", "");
  if (home.is_absolute()) return absolute(home / ".local/state/aphex");
  if (!home.empty()) {
    return fail(ErrorCode::usage,
                "there is no directory for aphex's state: HOME is " + home.string() +
                    ", which is no absolute path",
                "set HOME right or APHEX_STATE_DIR, or pass --state-dir");
  }
  return fail(ErrorCode::usage, "there is no directory for aphex's state: HOME is not set",
              "set APHEX_STATE_DIR, or pass --state-dir");
}

std::string stored_plan_name(const std::string& pipeline, AwsTarget aws) {
  return aws == AwsTarget::sandbox ? pipeline + " (sandbox)" : pipeline;
}

Result<PlanStore::Change> DatabasePlanStore::update(const Update& update) {
  const std::string name = stored_plan_name(update.plan.pipeline, aws_);
  store::StoredPlan wanted;
  wanted.digest = plan::digest(update.plan);
  APHEX_TRY(const std::optional<store::StoredPlan> stored, database_.stored_plan(name));
  if (stored && stored->digest == wanted.digest) return Change::unchanged;
  wanted.plan = doc::to_json(plan::to_value(update.plan));
  wanted.commit_sha = update.context.parameters.commit_sha;
  wanted.repository_url = update.context.parameters.repository_url;
  APHEX_CHECK(database_.replace_plan(name, wanted));
  return Change::replaced;
}

ServiceSet::ServiceSet(store::RunDatabase& database, const ServiceRequest& request,
                       aws::AwsContext aws, std::shared_ptr<os::ProcessRunner> processes,
                       std::unique_ptr<store::ArtifactStore> artifacts,
                       std::unique_ptr<store::ApprovalStore> approvals)
    : processes_(std::move(processes)),
      artifacts_(std::move(artifacts)),
      dependencies_(request.paths.cache() / "dependencies"),
      plans_(database, request.aws),
      gate_(std::move(approvals)),
      services_{*processes_,
                aws.clock,
                aws.http,
                *artifacts_,
                dependencies_,
                request.plans != nullptr ? *request.plans : plans_,
                request.approvals != nullptr ? *request.approvals : gate_,
                secrets_,
                request.environment,
                aws} {
  secrets_.add_from(request.environment);
  services_.on_branch_stack = [&database](const store::BranchStack& stack) {
    return database.add_branch_stack(stack);
  };
}

Result<std::unique_ptr<ServiceSet>> ServiceSet::open(store::RunDatabase& database,
                                                     const ServiceRequest& request) {
  std::shared_ptr<os::ProcessRunner> processes = os::make_process_runner();
  aws::AwsContext aws;
  aws.http = aws::make_http_client();
  aws.clock = os::make_system_clock();
  aws.environment = request.environment;
  aws.credentials =
      aws::make_default_credentials(aws.http, aws.clock, processes, request.environment);
  const std::string location =
      request.artifact_store.empty() ? request.paths.artifacts().string() : request.artifact_store;
  const std::string region =
      value_or(request.environment, "AWS_REGION",
               value_or(request.environment, "AWS_DEFAULT_REGION", request.region));
  APHEX_TRY(std::unique_ptr<store::ArtifactStore> artifacts,
            store::open_artifact_store(location, {aws, region}));
  APHEX_TRY(std::unique_ptr<store::ApprovalStore> approvals,
            store::ApprovalStore::open(request.paths.database(), aws.clock));
  return std::unique_ptr<ServiceSet>(new ServiceSet(database, request, std::move(aws),
                                                    std::move(processes), std::move(artifacts),
                                                    std::move(approvals)));
}

}  // namespace aphex::engine
