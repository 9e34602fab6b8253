#pragma once
// The real services of this machine, put together for one run.

#include <memory>

#include "engine/database_gate.hpp"
#include "engine/step.hpp"
#include "store/run_database.hpp"

namespace aphex::engine {

// $APHEX_STATE_DIR, else $XDG_STATE_HOME/aphex, else $HOME/.local/state/aphex; `chosen` before all.
Result<StatePaths> state_paths(const std::string& chosen,
                               const os::EnvironmentVariables& environment);

// Under which name the database keeps a pipeline's plan: what the sandbox was last brought to says
// nothing about the real accounts.
std::string stored_plan_name(const std::string& pipeline, AwsTarget aws);

// The plan store of one machine: the database.
class DatabasePlanStore final : public PlanStore {
 public:
  DatabasePlanStore(store::RunDatabase& database, AwsTarget aws) : database_(database), aws_(aws) {}
  Result<Change> update(const Update& update) override;

 private:
  store::RunDatabase& database_;
  AwsTarget aws_;
};

struct ServiceRequest {
  StatePaths paths;
  os::EnvironmentVariables environment;  // the sandbox's variables already in it
  AwsTarget aws = AwsTarget::real;
  std::string artifact_store;         // empty: <state>/artifacts
  std::string region;                 // of an S3 store, where AWS_REGION says nothing
  PlanStore* plans = nullptr;         // null: the database
  ApprovalGate* approvals = nullptr;  // null: the database
};

// Owns what Services refers to. Stays where it is: Services holds references into it.
class ServiceSet {
 public:
  static Result<std::unique_ptr<ServiceSet>> open(store::RunDatabase& database,
                                                  const ServiceRequest& request);
  Services& services() { return services_; }

 private:
  ServiceSet(store::RunDatabase& database, const ServiceRequest& request, aws::AwsContext aws,
             std::shared_ptr<os::ProcessRunner> processes,
             std::unique_ptr<store::ArtifactStore> artifacts,
             std::unique_ptr<store::ApprovalStore> approvals);

  std::shared_ptr<os::ProcessRunner> processes_;
  std::unique_ptr<store::ArtifactStore> artifacts_;
  store::DependencyCache dependencies_;
  DatabasePlanStore plans_;
  DatabaseGate gate_;
  SecretMasker secrets_;
  Services services_;  // last: refers to the others
};

}  // namespace aphex::engine
