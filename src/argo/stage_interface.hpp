#pragma once
// What a generated pod and the program in it agree upon: `aphex stage`.
//
// The main container of a stage runs     aphex stage --plan /aphex/plan.json
// The init container before it runs      aphex stage --clone
// The container of the exit handler runs aphex stage --exit
//
// Nothing that a pusher controls stands in a command: it arrives in environment variables. The root
// file system is read-only; /aphex/work (HOME, the working copy, state) and /tmp are empty at the
// start.
//
// --plan  The file is a plan (plan::from_value) with exactly one stage: its steps, and of the
//         environments those that the steps name. `needs` is empty: Argo waits for them.
//         An environment that is only checked for access has no stacks.
// --clone Clones the commit into kSourceDir and exits with 0 even where that fails: what went wrong
//         is in kCloneReport, and the stage's first step reports it, in the log that people read.
//         Only this container sees the GitHub token, and sends it to no other repository than
//         kEnvGitHubRepository.
// --exit  Runs when the workflow has ended, however it ended: metrics, notification, final status.
//
// Exit codes: 0 done; 1 the stage's work failed; 2 usage; 3 invalid configuration; 130 interrupted
// by a signal; kExitInfrastructure where trying again may help, which Argo then does. A user's
// command never decides which one: whatever it exits with, the stage exits with 1.
//
// Version 1 of this interface; the plan's own version guards the file.

#include <chrono>
#include <cstddef>
#include <string_view>

namespace aphex::argo {

inline constexpr std::string_view kPlanFile = "/aphex/plan.json";
// Of the stage `pipeline` alone: argo::Settings as JSON, from which it generates the objects anew.
inline constexpr std::string_view kSettingsFile = "/aphex/settings.json";
inline constexpr std::string_view kWorkDir = "/aphex/work";
inline constexpr std::string_view kHomeDir = "/aphex/work/home";
inline constexpr std::string_view kStateDir = "/aphex/work/state";
inline constexpr std::string_view kSourceDir = "/aphex/work/source";
inline constexpr std::string_view kCloneReport = "/aphex/work/clone.json";
// Of `pipeline`: kContinue or kHandedOver, without a line break. With the latter the rest of the
// workflow is skipped, because a new one executes the commit under its own plan.
inline constexpr std::string_view kOutcomeFile = "/aphex/work/outcome";
inline constexpr std::string_view kContinue = "continue";
inline constexpr std::string_view kHandedOver = "handed-over";
// The name of that new workflow is the old one's with this behind it. A workflow whose name ends so
// hands over to no third one.
inline constexpr std::string_view kHandOverSuffix = "-r1";
// Of `approve-<environment>`, which finds out what would change and waits for nobody: the digest of
// what is shown, a few words about it, and its first part as text. The node after it, a suspend
// node called kGatePrefix and the environment's name, waits for people; 'aphex approve --workflow'
// lets it go on or ends it.
inline constexpr std::string_view kChangesDigestFile = "/aphex/work/changes-digest";
inline constexpr std::string_view kChangesSummaryFile = "/aphex/work/changes-summary";
inline constexpr std::string_view kChangesTextFile = "/aphex/work/changes-text";
// A node's outputs lie in the Workflow, which has little room. The whole is with the artifacts.
inline constexpr std::size_t kMaxChangesText = 12'000;
inline constexpr std::string_view kGatePrefix = "gate-";
// What the gate gives out, and its value where the time is up or somebody resumed it by other
// means.
inline constexpr std::string_view kDecisionParameter = "decision";
inline constexpr std::string_view kApproved = "approved";
inline constexpr std::string_view kExpired = "expired";
inline constexpr std::string_view kDigestParameter = "digest";
inline constexpr std::string_view kPeopleParameter = "people";
// What the gate and the stage before it are given or give out, for those who decide.
inline constexpr std::string_view kEnvironmentParameter = "environment";
inline constexpr std::string_view kPolicyParameter = "policy";  // JSON: approvers, quorum, …
inline constexpr std::string_view kSummaryParameter = "summary";
inline constexpr std::string_view kTextParameter = "text";
// Annotations of the Workflow that keep decisions until there are enough: this and the environment.
inline constexpr std::string_view kDecisionsAnnotation = "approvals.aphex.dev/";
inline constexpr std::string_view kTokenDir = "/aphex/github";  // of --clone: kTokenDir/<key>

inline constexpr int kExitInfrastructure = 75;  // sysexits.h: EX_TEMPFAIL
// By SIGTERM. A node that is drained sends it, and another pod goes on.
inline constexpr int kExitTerminated = 130;

// How long a pod may take from its creation to the first step: scheduling, a new node, the image.
inline constexpr std::chrono::seconds kPodStartBound{600};
// From SIGTERM to SIGKILL: what CloudFormation and the CDK need to be left in a known state.
inline constexpr std::chrono::seconds kGracePeriod{120};

// Every container. The five parameters have the names that commands see them under, too.
inline constexpr std::string_view kEnvCommitSha = "APHEX_COMMIT_SHA";
inline constexpr std::string_view kEnvRepositoryUrl = "APHEX_REPOSITORY_URL";
inline constexpr std::string_view kEnvBranch = "APHEX_BRANCH";
inline constexpr std::string_view kEnvAuthor = "APHEX_AUTHOR";
inline constexpr std::string_view kEnvMessage = "APHEX_MESSAGE";
inline constexpr std::string_view kEnvPipeline = "APHEX_PIPELINE";
inline constexpr std::string_view kEnvCluster = "APHEX_CLUSTER";
inline constexpr std::string_view kEnvWorkflow = "APHEX_WORKFLOW";
inline constexpr std::string_view kEnvNamespace = "APHEX_NAMESPACE";
// Since when it goes, in seconds since 1970.
inline constexpr std::string_view kEnvWorkflowStarted = "APHEX_WORKFLOW_STARTED";
inline constexpr std::string_view kEnvPlanDigest = "APHEX_PLAN_DIGEST";  // of the whole plan
inline constexpr std::string_view kEnvConfigPath = "APHEX_CONFIG_PATH";
inline constexpr std::string_view kEnvGitHubRepository = "APHEX_GITHUB_REPOSITORY";  // owner/name
inline constexpr std::string_view kEnvGitHubTokenFile = "APHEX_GITHUB_TOKEN_FILE";   // --clone
// Where they are set: left out otherwise.
inline constexpr std::string_view kEnvLogGroup = "APHEX_LOG_GROUP";
inline constexpr std::string_view kEnvMetricNamespace = "APHEX_METRIC_NAMESPACE";
inline constexpr std::string_view kEnvNotificationTopic = "APHEX_NOTIFICATION_TOPIC_ARN";
inline constexpr std::string_view kEnvArgoServerUrl = "APHEX_ARGO_SERVER_URL";
// s3://<bucket>/<commit>: where this commit's artifacts lie. Every stage with artifacts.
inline constexpr std::string_view kEnvArtifacts = "APHEX_ARTIFACTS";
// Stages of an environment.
inline constexpr std::string_view kEnvEnvironment = "APHEX_ENVIRONMENT";
inline constexpr std::string_view kEnvAccount = "APHEX_ENVIRONMENT_ACCOUNT";
inline constexpr std::string_view kEnvRegion = "APHEX_ENVIRONMENT_REGION";
// The bootstrap role of the environment's account that its credentials come from.
inline constexpr std::string_view kEnvDeployRole = "APHEX_DEPLOY_ROLE_ARN";
// Of `deploy-<environment>` behind a gate: what the gate gave out.
inline constexpr std::string_view kEnvDecision = "APHEX_APPROVAL_DECISION";
inline constexpr std::string_view kEnvApprovedDigest = "APHEX_APPROVAL_DIGEST";
inline constexpr std::string_view kEnvApprovedBy = "APHEX_APPROVAL_PEOPLE";
// Of --exit: Succeeded, Failed or Error; Argo's JSON list of what failed; seconds.
inline constexpr std::string_view kEnvWorkflowStatus = "APHEX_WORKFLOW_STATUS";
inline constexpr std::string_view kEnvWorkflowFailures = "APHEX_WORKFLOW_FAILURES";
inline constexpr std::string_view kEnvWorkflowDuration = "APHEX_WORKFLOW_DURATION";
// What kOutcomeFile said; anything else where the stage `pipeline` did not end well.
inline constexpr std::string_view kEnvWorkflowOutcome = "APHEX_WORKFLOW_OUTCOME";

}  // namespace aphex::argo
