#include "stage/pod.hpp"

#include <charconv>

#include <fmt/format.h>

#include "argo/stage_interface.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"

namespace aphex::stage {
namespace {

constexpr std::size_t kShaDigits = 40;
constexpr std::size_t kMaxQuotedCharacters = 60;

class Reader {
 public:
  explicit Reader(const os::EnvironmentVariables& environment) : environment_(environment) {}

  // Set, and not empty.
  std::string required(std::string_view name) {
    std::string value = optional(name);
    if (value.empty()) missing_.emplace_back(name);
    return value;
  }
  // Set, but it may say nothing: a branch, an author.
  std::string present(std::string_view name) {
    if (!environment_.contains(std::string(name))) missing_.emplace_back(name);
    return optional(name);
  }
  std::string optional(std::string_view name) const {
    const auto found = environment_.find(std::string(name));
    return found == environment_.end() ? std::string() : found->second;
  }

  Status check() const {
    if (missing_.empty()) return {};
    return fail(
        ErrorCode::usage,
        fmt::format("{} {} not set", join(missing_, ", "), missing_.size() == 1 ? "is" : "are"),
        "'aphex stage' runs in the pods of a pipeline's workflow, whose WorkflowTemplate "
        "sets these variables");
  }

 private:
  const os::EnvironmentVariables& environment_;
  std::vector<std::string> missing_;
};

// Seconds since 1970, as Argo has them.
std::optional<os::WallTime> time_of(const std::string& text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds <= 0) return std::nullopt;
  return os::WallTime(std::chrono::seconds(seconds));
}

}  // namespace

Result<Pod> read_pod(const os::EnvironmentVariables& environment, Container container) {
  Reader reader(environment);
  Pod pod;
  pod.parameters.commit_sha = reader.required(argo::kEnvCommitSha);
  pod.parameters.repository_url = reader.required(argo::kEnvRepositoryUrl);
  pod.parameters.branch = reader.present(argo::kEnvBranch);
  pod.parameters.author = reader.present(argo::kEnvAuthor);
  pod.parameters.message = reader.present(argo::kEnvMessage);
  pod.pipeline = reader.required(argo::kEnvPipeline);
  pod.workflow = reader.required(argo::kEnvWorkflow);
  pod.name_space = reader.required(argo::kEnvNamespace);
  pod.repository = reader.required(argo::kEnvGitHubRepository);
  if (container == Container::stage) {
    pod.plan_digest = reader.required(argo::kEnvPlanDigest);
    pod.config_path = reader.required(argo::kEnvConfigPath);
  }
  if (container == Container::exit) {
    (void)reader.required(argo::kEnvWorkflowStatus);
    (void)reader.required(argo::kEnvWorkflowDuration);
  }
  APHEX_CHECK(reader.check());
  if (!is_hex(pod.parameters.commit_sha, kShaDigits)) {
    return fail(ErrorCode::usage,
                fmt::format("{} is '{}', not a commit's 40 lower-case hexadecimal digits",
                            argo::kEnvCommitSha,
                            utf8_substr(pod.parameters.commit_sha, 0, kMaxQuotedCharacters)),
                "start the workflow with the parameter commitSha as GitHub sends it");
  }
  pod.cluster = reader.optional(argo::kEnvCluster);
  pod.host = reader.optional("HOSTNAME");
  pod.log_group = reader.optional(argo::kEnvLogGroup);
  pod.metric_namespace = reader.optional(argo::kEnvMetricNamespace);
  pod.notification_topic_arn = reader.optional(argo::kEnvNotificationTopic);
  pod.argo_server_url = reader.optional(argo::kEnvArgoServerUrl);
  pod.workflow_started = time_of(reader.optional(argo::kEnvWorkflowStarted));
  return pod;
}

}  // namespace aphex::stage
