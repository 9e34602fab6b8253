#include "stage/cluster_gate.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "changes/render.hpp"
#include "engine/artifacts.hpp"
#include "engine/change_record.hpp"
#include "engine/step.hpp"
#include "os/files.hpp"

namespace aphex::stage {
namespace {

std::string bounded(const std::string& text, const std::string& where) {
  if (text.size() <= argo::kMaxChangesText) return text;
  // A cut within a character would be no UTF-8.
  std::string head = text.substr(0, argo::kMaxChangesText);
  if (const auto bad = find_invalid_utf8(head)) head.resize(*bad);
  return head + "\n… the rest is in " + where + "\n";
}

}  // namespace

std::string ClusterGate::variable(std::string_view name) const {
  const auto found = environment_.find(std::string(name));
  return found == environment_.end() ? std::string() : found->second;
}

Result<engine::StepOutcome> ClusterGate::ask(const Question& question) {
  engine::StepContext& context = question.context;
  const std::string digest = changes::digest(question.changes);
  const std::string key =
      engine::changes_key(engine::artifact_prefix(context), question.changes.environment, digest);
  const std::string text = changes::render_text(question.changes, Colour::never);
  APHEX_CHECK(os::write_file_atomic(layout_.changes_digest(), digest));
  APHEX_CHECK(os::write_file_atomic(layout_.changes_summary(), changes::summary(question.changes)));
  APHEX_CHECK(os::write_file_atomic(layout_.changes_text(), bounded(text, key)));
  context.log.note(fmt::format(
      "the workflow waits for an approval; 'aphex approve --workflow {} --namespace {}' shows "
      "what would change and decides",
      variable(argo::kEnvWorkflow), variable(argo::kEnvNamespace)));
  return engine::StepOutcome{engine::StepOutcome::Kind::done, "the workflow waits"};
}

Result<std::string> ClusterGate::approved(engine::StepContext& /*context*/,
                                          const std::string& environment) {
  const std::string decision = variable(argo::kEnvDecision);
  const std::string digest = variable(argo::kEnvApprovedDigest);
  if (decision == argo::kApproved && !digest.empty()) return digest;
  const std::string again = fmt::format(
      "nothing of it was deployed; 'argo resubmit -n {} {}' asks "
      "again",
      variable(argo::kEnvNamespace), variable(argo::kEnvWorkflow));
  if (decision == argo::kExpired) {
    return fail(ErrorCode::timeout,
                fmt::format("the deployment to {} was not approved: nobody decided in time, or "
                            "the gate was resumed by other means than 'aphex approve'",
                            environment),
                again);
  }
  return fail(
      ErrorCode::permission,
      fmt::format(
          "the deployment to {} was not approved{}", environment,
          decision.empty() ? "" : ": " + decision + " by " + variable(argo::kEnvApprovedBy)),
      again);
}

}  // namespace aphex::stage
