#include "stage/workflow_end.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "argo/stage_interface.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::stage {
namespace {

// More than these say nothing new, and a notification is read on a telephone.
constexpr std::size_t kMaxFailures = 10;
constexpr std::size_t kMaxMessageCharacters = 400;
constexpr std::size_t kShortSha = 12;

std::string value_of(const os::EnvironmentVariables& environment, std::string_view name) {
  const auto found = environment.find(std::string(name));
  return found == environment.end() ? std::string() : found->second;
}

// Argo writes the list as JSON, and that again as a JSON string.
Result<std::vector<WorkflowFailure>> read_failures(const std::string& text) {
  if (trim(text).empty()) return std::vector<WorkflowFailure>();
  APHEX_TRY(doc::Value value, doc::parse_json(text));
  if (value.is_string()) {
    const std::string inner = *value.as_string();
    if (trim(inner).empty()) return std::vector<WorkflowFailure>();
    APHEX_TRY(value, doc::parse_json(inner));
  }
  std::vector<WorkflowFailure> failures;
  if (value.is_null()) return failures;
  if (!value.is_array()) return fail(ErrorCode::usage, "it is no list");
  for (const doc::Value& each : *value.as_array()) {
    const std::string shown = each.string_or("displayName", "");
    failures.push_back({shown.empty() ? each.string_or("templateName", "?") : shown,
                        each.string_or("message", ""), each.string_or("podName", "")});
  }
  return failures;
}

std::string first_line(std::string_view text) {
  return utf8_substr(trim(text.substr(0, text.find('\n'))), 0, kMaxMessageCharacters);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(seconds);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
  return fmt::format("{}h {:02}m", whole / 3600, whole % 3600 / 60);
}

std::string_view word_of(WorkflowStatus status) {
  switch (status) {
    case WorkflowStatus::succeeded:
      return "succeeded";
    case WorkflowStatus::handed_over:
      return "goes on under its new plan";
    case WorkflowStatus::failed:
      return "failed";
    case WorkflowStatus::error:
      return "ended with an error of Argo Workflows";
  }
  return "failed";
}

}  // namespace

Result<WorkflowResult> read_workflow_result(const os::EnvironmentVariables& environment) {
  WorkflowResult result;
  const std::string status = value_of(environment, argo::kEnvWorkflowStatus);
  if (status == "Succeeded") {
    const bool handed_over = value_of(environment, argo::kEnvWorkflowOutcome) == argo::kHandedOver;
    result.status = handed_over ? WorkflowStatus::handed_over : WorkflowStatus::succeeded;
  } else if (status == "Failed") {
    result.status = WorkflowStatus::failed;
  } else if (status == "Error") {
    result.status = WorkflowStatus::error;
  } else {
    return fail(ErrorCode::usage,
                fmt::format("{} is '{}', none of Succeeded, Failed, Error",
                            argo::kEnvWorkflowStatus, utf8_substr(status, 0, 60)),
                "Argo fills it in the workflow's exit handler");
  }
  const std::string duration = value_of(environment, argo::kEnvWorkflowDuration);
  const auto [end, error] =
      std::from_chars(duration.data(), duration.data() + duration.size(), result.duration_seconds);
  if (error != std::errc() || end != duration.data() + duration.size() ||
      !(result.duration_seconds >= 0)) {
    return fail(ErrorCode::usage,
                fmt::format("{} is '{}', no number of seconds", argo::kEnvWorkflowDuration,
                            utf8_substr(duration, 0, 60)));
  }
  // What failed is for people; that something failed, the status says.
  Result<std::vector<WorkflowFailure>> failures =
      read_failures(value_of(environment, argo::kEnvWorkflowFailures));
  if (failures) result.failures = std::move(*failures);
  return result;
}

std::string workflow_link(const Pod& pod) {
  if (pod.argo_server_url.empty()) return {};
  std::string base = pod.argo_server_url;
  while (base.ends_with('/'))
    base.pop_back();
  return fmt::format("{}/workflows/{}/{}", base, pod.name_space, pod.workflow);
}

Announcement announcement(const Pod& pod, const WorkflowResult& result) {
  const std::string sha = pod.parameters.commit_sha.substr(0, kShortSha);
  Announcement out;
  out.subject = fmt::format("{} {}: {}{}", pod.pipeline, word_of(result.status), sha,
                            pod.parameters.branch.empty() ? "" : " on " + pod.parameters.branch);
  out.text = fmt::format("Pipeline {} {} after {}.\n\n", pod.pipeline, word_of(result.status),
                         duration_text(result.duration_seconds));
  out.text += fmt::format("Commit:   {}\n", pod.parameters.commit_sha);
  if (!pod.parameters.branch.empty()) out.text += "Branch:   " + pod.parameters.branch + "\n";
  if (!pod.parameters.author.empty()) {
    out.text += "Author:   " + first_line(pod.parameters.author) + "\n";
  }
  if (!pod.parameters.message.empty()) {
    out.text += "Message:  " + first_line(pod.parameters.message) + "\n";
  }
  out.text += fmt::format("Workflow: {} in namespace {}\n", pod.workflow, pod.name_space);
  if (const std::string link = workflow_link(pod); !link.empty()) {
    out.text += "Link:     " + link + "\n";
  }
  if (result.failures.empty()) return out;
  out.text += "\nWhat failed:\n";
  for (std::size_t i = 0; i < std::min(result.failures.size(), kMaxFailures); ++i) {
    const WorkflowFailure& failure = result.failures[i];
    out.text += fmt::format("- {}{}\n", failure.node,
                            failure.message.empty() ? "" : ": " + first_line(failure.message));
  }
  if (result.failures.size() > kMaxFailures) {
    out.text += fmt::format("- and {} more\n", result.failures.size() - kMaxFailures);
  }
  return out;
}

}  // namespace aphex::stage
