#pragma once
// What a run tells CloudWatch: the stages publish it, the pipeline's stack alarms on it and draws
// it. One place, so that both say the same.
//
// Every metric has the dimension Pipeline. Those of a stage are published a second time with the
// dimension Stage beside it, those of an environment with Environment, so that a sum over the
// pipeline needs no search.

#include <string_view>

namespace aphex::plan {

inline constexpr std::string_view kMetricNamespace = "Aphex/Pipelines";

namespace dimension {
inline constexpr std::string_view kPipeline = "Pipeline";
inline constexpr std::string_view kStage = "Stage";              // "build", "deploy-prod"
inline constexpr std::string_view kEnvironment = "Environment";  // "prod"
}  // namespace dimension

namespace metric {
// Count: 1 when a run ends, in one of the two.
inline constexpr std::string_view kWorkflowSucceeded = "WorkflowSucceeded";
inline constexpr std::string_view kWorkflowFailed = "WorkflowFailed";
// Seconds: of a whole run, when it ends.
inline constexpr std::string_view kWorkflowDuration = "WorkflowDuration";
// Seconds since the run began: by whatever stage is going, at its start and every minute. Unlike
// kWorkflowDuration it grows while a run hangs.
inline constexpr std::string_view kWorkflowElapsed = "WorkflowElapsed";
// Seconds: of a stage, when it ends; also with Stage.
inline constexpr std::string_view kStageDuration = "StageDuration";
// Count: 1 when the deploy stage of an environment ends; also with Environment.
inline constexpr std::string_view kDeploymentSucceeded = "DeploymentSucceeded";
inline constexpr std::string_view kDeploymentFailed = "DeploymentFailed";
// Bytes: of all that a build uploads.
inline constexpr std::string_view kArtifactSize = "ArtifactSize";
}  // namespace metric

// `event` of the record that ends a run's structured log. The dashboard lists runs by it, with the
// record's fields state, commitSha, branch, author and milliseconds.
inline constexpr std::string_view kRunFinishedEvent = "run_finished";

// Units as CloudWatch spells them.
namespace unit {
inline constexpr std::string_view kCount = "Count";
inline constexpr std::string_view kSeconds = "Seconds";
inline constexpr std::string_view kBytes = "Bytes";
}  // namespace unit

}  // namespace aphex::plan
