#pragma once
// Deciding about the gate of a workflow on a cluster.

#include <memory>
#include <string>

#include "doc/value.hpp"
#include "k8s/client.hpp"
#include "stage/workflow_gate.hpp"

namespace aphex::cli {

class WorkflowGate {
 public:
  struct Of {
    std::string workflow;
    std::string name_space;   // empty: the context's
    std::string context;      // empty: the current one
    std::string environment;  // empty: the one that waits
  };
  explicit WorkflowGate(Of of) : of_(std::move(of)) {}

  Status open();
  const std::string& environment() const { return gate_.environment; }
  std::string text() const;  // what would change, and for whom it waits
  // `who` empty: the name by which the cluster knows us.
  Status decide(const std::string& who, store::Decision decision, const std::string& comment);
  std::string outcome() const;  // after decide()
  doc::Value value() const;     // as JSON

 private:
  Result<doc::Value> workflow();
  Result<stage::Gate> read();

  Of of_;
  std::shared_ptr<k8s::Client> client_;
  stage::Gate gate_;
  store::ApprovalVerdict verdict_ = store::ApprovalVerdict::waiting;
};

}  // namespace aphex::cli
