#include "cli/workflow_approval.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "aws/dates.hpp"
#include "base/text.hpp"
#include "cli/terminal.hpp"
#include "k8s/connect.hpp"
#include "os/process.hpp"
#include "store/approval_json.hpp"

namespace aphex::cli {
namespace {

// The controller writes the same object; each time it comes between, the gate is read again.
constexpr int kMaxAttempts = 10;

std::string_view to_text(store::ApprovalVerdict verdict) {
  switch (verdict) {
    case store::ApprovalVerdict::waiting:
      return "pending";
    case store::ApprovalVerdict::approved:
      return "approved";
    case store::ApprovalVerdict::rejected:
      return "rejected";
  }
  return "pending";
}

// When nobody has decided by then, it is refused: as a run of this machine says it.
std::string waiting_text(const stage::Gate& gate) {
  const std::string people = store::waits_for(gate.policy, gate.decisions);
  const auto started = aws::parse_iso_time(gate.started_at);
  if (!started) {
    return fmt::format("waits for {}, {} s from {}", people, gate.expires_seconds, gate.started_at);
  }
  const std::string until =
      os::format_time(*started + std::chrono::seconds(gate.expires_seconds));
  constexpr std::size_t kToTheMinute = sizeof("2026-01-31T08:15") - 1;
  return fmt::format("waits for {} until {}Z", people, until.substr(0, kToTheMinute));
}

}  // namespace

Result<doc::Value> WorkflowGate::workflow() {
  return client_->get({.api_version = "argoproj.io/v1alpha1",
                       .kind = "Workflow",
                       .name_space = of_.name_space,
                       .name = of_.workflow},
                      os::CancelToken());
}

Result<stage::Gate> WorkflowGate::read() {
  APHEX_TRY(const doc::Value found, workflow());
  return stage::read_gate(found, of_.environment);
}

Status WorkflowGate::open() {
  APHEX_TRY(k8s::Connection connection, k8s::connect({.environment = os::current_environment(),
                                                      .clock = os::make_system_clock(),
                                                      .processes = os::make_process_runner()},
                                                     {.kubeconfig = {}, .context = of_.context}));
  client_ = std::move(connection.client);
  if (of_.name_space.empty()) of_.name_space = connection.name_space;
  APHEX_TRY(gate_, read());
  return {};
}

std::string WorkflowGate::text() const {
  std::string shown;
  for (const std::string& line : split(gate_.text, '\n'))
    shown += printable(line) + "\n";
  return fmt::format("workflow {}/{} by {}: {}\n\n{}\n{}\n", gate_.name_space, gate_.workflow,
                     printable(gate_.author), printable(gate_.summary), shown,
                     printable(waiting_text(gate_)));
}

Status WorkflowGate::decide(const std::string& who, store::Decision decision,
                            const std::string& comment) {
  store::DecisionRecord made{who, decision, comment,
                             os::make_system_clock()->now().time_since_epoch().count()};
  if (made.who.empty()) {
    APHEX_TRY(made.who, client_->user_name(os::CancelToken()));
  }
  const std::string digest = gate_.digest;
  for (int attempt = 1;; ++attempt) {
    APHEX_TRY(const stage::GateDecision decided, stage::decide(gate_, made));
    const auto changed = client_->merge({.api_version = "argoproj.io/v1alpha1",
                                         .kind = "Workflow",
                                         .name_space = gate_.name_space,
                                         .name = gate_.workflow},
                                        decided.patch, os::CancelToken());
    bool stands = changed.has_value();
    if (!changed) {
      const bool again = changed.error().code == ErrorCode::already_exists ||
                         changed.error().retry == Retry::retryable;
      if (!again || attempt == kMaxAttempts) return fail(changed.error());
      const auto now = workflow();
      if (!now) return fail(changed.error());
      // Of an answer that was lost: what it was about is done.
      stands = stage::holds_decision(*now, gate_, made);
      if (!stands) {
        const std::string version = gate_.resource_version;
        APHEX_TRY(gate_, stage::read_gate(*now, of_.environment));
        if (gate_.resource_version == version) return fail(changed.error());
      }
    }
    if (stands) {
      gate_.decisions.push_back(made);
      verdict_ = decided.verdict;
      return {};
    }
    if (gate_.digest != digest) {
      return fail(ErrorCode::usage, "what would change is other by now",
                  "look at it again: aphex approve --workflow " + of_.workflow);
    }
  }
}

std::string WorkflowGate::outcome() const {
  const std::string so_far =
      verdict_ == store::ApprovalVerdict::waiting ? "; " + waiting_text(gate_) : "";
  return fmt::format(
      "workflow {}, {}: {} by {}{}", gate_.workflow, gate_.environment,
      gate_.decisions.back().decision == store::Decision::approve ? "approved" : "rejected",
      gate_.decisions.back().who, so_far);
}

doc::Value WorkflowGate::value() const {
  doc::Value decisions = doc::Value::array();
  for (const store::DecisionRecord& made : gate_.decisions)
    decisions.push_back(store::to_value(made));
  return doc::Value::object({{"workflow", gate_.workflow},
                             {"namespace", gate_.name_space},
                             {"environment", gate_.environment},
                             {"state", to_text(verdict_)},
                             {"digest", gate_.digest},
                             {"summary", gate_.summary},
                             {"text", gate_.text},
                             {"approvers", doc::Value::strings(gate_.policy.approvers)},
                             {"quorum", gate_.policy.quorum},
                             {"selfApproval", gate_.policy.self_approval},
                             {"startedAt", gate_.started_at},
                             {"expiresSeconds", gate_.expires_seconds},
                             {"author", gate_.author},
                             {"decisions", std::move(decisions)}});
}

}  // namespace aphex::cli
