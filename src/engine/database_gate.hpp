#pragma once
// The gate of one machine: a request in the state directory's database, which `aphex approve` and
// the server answer.

#include <memory>

#include "engine/approval_gate.hpp"
#include "store/approvals.hpp"

namespace aphex::engine {

class DatabaseGate final : public ApprovalGate {
 public:
  explicit DatabaseGate(std::unique_ptr<store::ApprovalStore> store) : store_(std::move(store)) {}
  Result<StepOutcome> ask(const Question& question) override;
  Result<std::string> approved(StepContext& context, const std::string& environment) override;

 private:
  Result<store::ApprovalRecord> wait(store::ApprovalRecord record, StepContext& context);
  std::unique_ptr<store::ApprovalStore> store_;
};

}  // namespace aphex::engine
