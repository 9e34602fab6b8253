#include "config/schema.hpp"

#include <array>

namespace aphex::config {
namespace {

constexpr Shape text(const TextRule& rule) {
  return {.kind = ShapeKind::text, .what = "a string", .text = &rule};
}
constexpr Shape list(const Shape& item, std::string_view what, std::string_view needs = {}) {
  return {.kind = ShapeKind::list, .what = what, .item = &item, .needs = needs};
}
constexpr Shape record(std::string_view title, std::span<const Field> fields) {
  return {.kind = ShapeKind::record, .what = "a mapping", .title = title, .fields = fields};
}
constexpr Shape integer(std::int64_t least, std::int64_t most) {
  return {.kind = ShapeKind::integer, .what = "an integer", .least = least, .most = most};
}

constexpr std::string_view kStrings = "a list of strings";
constexpr std::string_view kMappings = "a list of mappings";

constexpr Shape kVersion = text(rules::version);
constexpr Shape kCommand = text(rules::command);
constexpr Shape kCommands = list(kCommand, kStrings);
constexpr Shape kBuildCommands = list(kCommand, kStrings, "command");
constexpr Shape kPath = text(rules::repository_path);
constexpr Shape kConfigPath = text(rules::config_path);
constexpr Shape kPaths = list(kPath, kStrings);
constexpr Shape kDuration = text(rules::duration);
constexpr Shape kApprovalWait = text(rules::approval_wait);
constexpr Shape kPerson = text(rules::person);
constexpr Shape kPeople = list(kPerson, kStrings);
constexpr Shape kRegion = text(rules::region);
constexpr Shape kRegions = list(kRegion, kStrings);
constexpr Shape kAccount = text(rules::account);
constexpr Shape kEnvironmentName = text(rules::environment_name);
constexpr Shape kStackName = text(rules::stack_name);
constexpr Shape kStackNames = list(kStackName, kStrings);
constexpr Shape kStackPath = text(rules::stack_path);
constexpr Shape kRoleArn = text(rules::role_arn);
constexpr Shape kPolicyArn = text(rules::policy_arn);
constexpr Shape kOidcProvider = text(rules::oidc_provider_arn);
constexpr Shape kOidcIssuer = text(rules::oidc_issuer);
constexpr Shape kKeyArn = text(rules::key_arn);
constexpr Shape kTopicArn = text(rules::topic_arn);
constexpr Shape kOwnStack = text(rules::cloudformation_stack);
constexpr Shape kRoleName = text(rules::role_name);
constexpr Shape kTagValue = text(rules::tag_value);
constexpr Shape kKubernetesName = text(rules::kubernetes_name);
constexpr Shape kBoolean{.kind = ShapeKind::boolean, .what = "a boolean"};

constexpr std::array kBuildFields{
    Field{"commands", Presence::required, &kBuildCommands,
          "Commands of the build stage, run in order by bash -eo pipefail; the first that fails "
          "ends the stage."},
    Field{"artifacts", Presence::optional, &kPaths,
          "Paths packed into build-output.tar.gz. Without it, everything but build.cache and "
          ".git.",
          "[]"},
    Field{"cache", Presence::optional, &kPaths,
          "Paths kept between builds, by the hash of the lock file.", "[\"node_modules\"]"},
};
constexpr Shape kBuild = record("Build stage", kBuildFields);

constexpr std::array kStackFields{
    Field{"name", Presence::required, &kStackName,
          "The stack's name as 'cdk ls' prints it. Unique within its environment."},
    Field{"path", Presence::required, &kStackPath,
          "The TypeScript file that defines the stack, relative to the repository."},
    Field{"dependsOn", Presence::optional, &kStackNames,
          "Stacks of the same environment that are deployed before this one.", "[]"},
};
constexpr Shape kStack = record("Stack", kStackFields);
constexpr Shape kStacks = list(kStack, kMappings);

constexpr std::array kTestFields{
    Field{"commands", Presence::required, &kCommands,
          "Commands run in order after the environment's deployment. The stacks' outputs are in "
          "outputs.json and in APHEX_OUTPUT_<STACK>_<KEY>. Empty: no test stage."},
};
constexpr Shape kTests = record("Test stage", kTestFields);

constexpr std::array kHookFields{
    Field{"beforeDeploy", Presence::optional, &kCommands,
          "Commands run before the environment's first stack is deployed.", "[]"},
    Field{"afterDeploy", Presence::optional, &kCommands,
          "Commands run after the environment's last stack is deployed.", "[]"},
};
constexpr Shape kHooks = record("Hooks", kHookFields);

// More than a committee; with as many names a list of them is still read.
constexpr Shape kQuorum = integer(1, 20);
constexpr std::array kApprovalFields{
    Field{"approvers", Presence::optional, &kPeople,
          "Names of those who may approve or reject. Without it, anybody who can reach the "
          "pipeline's approvals.",
          "[]"},
    Field{"quorum", Presence::optional, &kQuorum,
          "How many different people must approve. One who rejects is always enough.", "1"},
    Field{"expires", Presence::optional, &kApprovalWait,
          "How long a run waits, 1s to 168h. When nobody has decided by then, it is rejected.",
          "\"24h\""},
    Field{"selfApproval", Presence::optional, &kBoolean,
          "Whether the commit's author may be the only one who approves.", "false"},
};
constexpr Shape kApproval = record("Approval", kApprovalFields);

constexpr std::array kEnvironmentFields{
    Field{"name", Presence::required, &kEnvironmentName,
          "Unique name of the environment; its stages are deploy-<name> and test-<name>."},
    Field{"region", Presence::required, &kRegion, "AWS region that the stacks are deployed to."},
    Field{"account", Presence::required, &kAccount,
          "AWS account ID of 12 digits, in quotes: a number would lose a leading zero."},
    Field{"stacks", Presence::required, &kStacks,
          "Stacks of the environment, deployed in the order of their dependencies."},
    Field{"tests", Presence::optional, &kTests, "Tests of the deployed environment."},
    Field{"hooks", Presence::optional, &kHooks, "Commands around the environment's deployment."},
    Field{"approval", Presence::optional, &kApproval,
          "Who must approve what would change, before anything of the environment is deployed. "
          "With it, the environment has the stage approve-<name>."},
};
constexpr Shape kEnvironment = record("Environment", kEnvironmentFields);
constexpr Shape kEnvironments = list(kEnvironment, kMappings, "environment");

constexpr std::array kTimeoutFields{
    Field{"validate", Presence::optional, &kDuration, "Bound of the validate stage.", "\"10m\""},
    Field{"build", Presence::optional, &kDuration, "Bound of the build stage.", "\"1h\""},
    Field{"pipeline", Presence::optional, &kDuration, "Bound of the pipeline stage.", "\"30m\""},
    Field{
        "approve", Presence::optional, &kDuration,
        "Bound of finding out what an approval is asked for; the wait itself has approval.expires.",
        "\"30m\""},
    Field{"deploy", Presence::optional, &kDuration, "Bound of each environment's deploy stage.",
          "\"2h\""},
    Field{"test", Presence::optional, &kDuration, "Bound of each environment's test stage.",
          "\"1h\""},
};
constexpr Shape kTimeouts = record("Timeouts of the stages, 1s to 24h", kTimeoutFields);

constexpr Shape kPipelineName = text(rules::pipeline_name);
constexpr Shape kOnChange = text(rules::on_change);
constexpr Shape kParallel = integer(1, 32);
constexpr Shape kQualifier = text(rules::bootstrap_qualifier);
constexpr Shape kArtifactStore = text(rules::artifact_store);
constexpr Shape kClusterName = text(rules::cluster_name);
constexpr Shape kGithubOwner = text(rules::github_owner);
constexpr Shape kGithubRepo = text(rules::github_repo);
constexpr Shape kGithubBranch = text(rules::github_branch);
constexpr Shape kSecretName = text(rules::secret_name);
constexpr Shape kEventSourceName = text(rules::event_source_name);
constexpr Shape kBucketName = text(rules::bucket_name);
constexpr Shape kRetention = integer(1, 3650);
constexpr Shape kExportPrefix = text(rules::export_prefix);
constexpr Shape kArgoVersion = text(rules::argo_version);
constexpr Shape kImage = text(rules::image);
constexpr Shape kImages{.kind = ShapeKind::dictionary,
                        .what = "a mapping",
                        .text = &rules::image_key,
                        .item = &kImage,
                        .title = "Container images by stage, or 'default'"};
constexpr Shape kServerUrl = text(rules::server_url);
constexpr Shape kUrlPath = text(rules::url_path);
constexpr Shape kPullRequests = text(rules::pull_requests);
constexpr Shape kForks = text(rules::forks);
constexpr Shape kQuantity = text(rules::quantity);
constexpr std::array kResourceFields{
    Field{"cpuRequest", Presence::optional, &kQuantity, "CPU that is kept for a pod."},
    Field{"memoryRequest", Presence::optional, &kQuantity, "Memory that is kept for a pod."},
    Field{"cpuLimit", Presence::optional, &kQuantity, "CPU that a pod may use."},
    Field{"memoryLimit", Presence::optional, &kQuantity, "Memory that a pod may use."},
};
constexpr Shape kStageResources = record("Resources of a stage's pod", kResourceFields);
constexpr Shape kResources{.kind = ShapeKind::dictionary,
                           .what = "a mapping",
                           .text = &rules::image_key,
                           .item = &kStageResources,
                           .title = "Resources by stage, or 'default'"};
// Amazon CloudWatch Logs API reference, PutRetentionPolicy.
constexpr std::array<std::int64_t, 22> kLogDays{1,    3,    5,    7,    14,   30,  60,  90,
                                                120,  150,  180,  365,  400,  545, 731, 1096,
                                                1827, 2192, 2557, 2922, 3288, 3653};
constexpr Shape kLogRetention{
    .kind = ShapeKind::integer, .what = "an integer", .allowed = kLogDays};
constexpr Shape kHost = text(rules::host_name);
constexpr Shape kWebhookType = text(rules::webhook_type);
constexpr Shape kCertificate = text(rules::certificate_arn);
constexpr Shape kAnnotation = text(rules::annotation_value);
constexpr Shape kAnnotations{.kind = ShapeKind::dictionary,
                             .what = "a mapping",
                             .text = &rules::annotation_key,
                             .item = &kAnnotation,
                             .title = "Annotations of the Service or Ingress"};
constexpr std::array kWebhookFields{
    Field{"type", Presence::optional, &kWebhookType,
          "How the webhook is exposed. With none, only inside of the cluster, or by what you "
          "build yourself.",
          "\"none\""},
    Field{"host", Presence::optional, &kHost,
          "Host name under which GitHub reaches the webhook, by https. An ingress needs it."},
    Field{"certificateArn", Presence::optional, &kCertificate,
          "Certificate of the host name, in ACM, in the pipeline's region."},
    Field{"publicUrl", Presence::optional, &kServerUrl,
          "Where GitHub reaches the webhook, if that is neither the host nor the load balancer."},
    Field{"path", Presence::optional, &kUrlPath,
          "Path of the webhook. Without it, '/' and the pipeline's name."},
    Field{"ingressClassName", Presence::optional, &kKubernetesName, "Class of the ingress.",
          "\"alb\""},
    Field{"annotations", Presence::optional, &kAnnotations,
          "Annotations of the Service or Ingress, for the controller that makes the load "
          "balancer.",
          "{}"},
};
constexpr Shape kWebhook = record("Webhook", kWebhookFields);

constexpr std::array kPipelineFields{
    Field{"name", Presence::optional, &kPipelineName,
          "Name of the pipeline. Without it, the repository's name."},
    Field{"onChange", Presence::optional, &kOnChange,
          "What a run does when its commit changes the pipeline: restart under the new plan, or "
          "continue under the old one.",
          "\"restart\""},
    Field{"maxParallelStacks", Presence::optional, &kParallel,
          "How many independent stacks are deployed side by side.", "4"},
    Field{"bootstrapQualifier", Presence::optional, &kQualifier,
          "Qualifier of the CDK bootstrap stack.", "\"hnb659fds\""},
    Field{"artifactStore", Presence::optional, &kArtifactStore,
          "Where artifacts are kept: s3://bucket[/prefix], or a directory. Without it, a "
          "directory on the machine that runs the pipeline."},
    Field{"additionalRegions", Presence::optional, &kRegions,
          "AWS regions that this version does not know yet.", "[]"},
    Field{"account", Presence::optional, &kAccount,
          "Account that the pipeline's own stack is in. Without it, the first environment's."},
    Field{"region", Presence::optional, &kRegion,
          "Region that the pipeline's own stack is in. Without it, the first environment's."},
    Field{"stackName", Presence::optional, &kOwnStack,
          "Name of the pipeline's own stack. Without it, ArchonAgentPipelineStack for a pipeline "
          "called archon-agent."},
    Field{"environmentTag", Presence::optional, &kTagValue,
          "Value of the tag Environment on what the pipeline's stack creates.", "\"pipeline\""},
    Field{"clusterName", Presence::optional, &kClusterName, "Name of the shared EKS cluster."},
    Field{"clusterExportPrefix", Presence::optional, &kExportPrefix,
          "Prefix of the CloudFormation exports that describe the cluster. Without it, "
          "AphexCluster-, the cluster's name and '-'."},
    Field{"oidcProviderArn", Presence::optional, &kOidcProvider,
          "OIDC provider of the cluster in IAM. This or oidcIssuer is needed: a trust policy "
          "names its issuer literally."},
    Field{"oidcIssuer", Presence::optional, &kOidcIssuer,
          "Issuer of the cluster's tokens. With it alone, the provider's ARN is imported from the "
          "cluster's export OIDCProviderArn."},
    Field{"kubectlRoleArn", Presence::optional, &kRoleArn,
          "Role that may apply objects to the cluster. Without it, imported from the cluster's "
          "export KubectlRoleArn."},
    Field{"pipelineCreatorRoleArn", Presence::optional, &kRoleArn,
          "Role that is used in place of the kubectl role, where that trusts nobody else."},
    Field{"githubOwner", Presence::optional, &kGithubOwner, "GitHub organization or user."},
    Field{"githubRepo", Presence::optional, &kGithubRepo, "GitHub repository."},
    Field{"githubBranch", Presence::optional, &kGithubBranch, "Branch whose pushes start a run.",
          "\"main\""},
    Field{"githubTokenSecretName", Presence::optional, &kSecretName,
          "Secret in Secrets Manager that holds the GitHub token."},
    Field{"workflowTemplateName", Presence::optional, &kKubernetesName,
          "Name of the WorkflowTemplate. Without it, the pipeline's name and -pipeline."},
    Field{"eventSourceName", Presence::optional, &kEventSourceName,
          "Name of the EventSource. Without it, the pipeline's name and -github."},
    Field{"sensorName", Presence::optional, &kKubernetesName,
          "Name of the Sensor. Without it, the pipeline's name and -sensor."},
    Field{"artifactBucketName", Presence::optional, &kBucketName,
          "Base name of the artifact bucket; account and region are appended. Without it, the "
          "pipeline's name and -artifacts."},
    Field{"artifactRetentionDays", Presence::optional, &kRetention,
          "Days after which artifacts are deleted.", "90"},
    Field{"configPath", Presence::optional, &kConfigPath, "This file's path in the repository.",
          "\"aphex-config.yaml\""},
    Field{"namespace", Presence::optional, &kKubernetesName,
          "Kubernetes namespace of everything that the pipeline has on the cluster.", "\"argo\""},
    Field{
        "eventsNamespace", Presence::optional, &kKubernetesName,
        "Kubernetes namespace of what takes GitHub's events: EventSource, Sensors, their accounts, "
        "webhook. Without it, namespace."},
    Field{"eventBusName", Presence::optional, &kKubernetesName,
          "EventBus of Argo Events, in the namespace of the events.", "\"default\""},
    Field{"serviceAccountName", Presence::optional, &kKubernetesName,
          "ServiceAccount that stages run as. Without it, the pipeline's name and "
          "-workflow-executor."},
    Field{"workflowRoleName", Presence::optional, &kRoleName,
          "IAM role that stages run as. Without it, ArchonAgentWorkflowExecutionRole for a "
          "pipeline called archon-agent."},
    Field{"images", Presence::optional, &kImages, "Container images that stages run in."},
    Field{"resources", Presence::optional, &kResources,
          "What the pods of stages ask for and may use at most."},
    Field{"webhook", Presence::optional, &kWebhook, "How GitHub reaches the pipeline."},
    Field{"pullRequests", Presence::optional, &kPullRequests,
          "What a pull request starts: nothing, the validation of its commit, or its build too. "
          "Never with the pipeline's role.",
          "\"validate\""},
    Field{"forks", Presence::optional, &kForks,
          "Whether pull requests from forks are taken too. Anybody can open one, and its commands "
          "run on the cluster.",
          "\"ignore\""},
    Field{"argoVersion", Presence::optional, &kArgoVersion,
          "Version of Argo Workflows on the cluster, 3.4 to 4.1.", "\"4.1\""},
    Field{"argoServerUrl", Presence::optional, &kServerUrl,
          "Address of Argo's user interface, for links in notifications."},
    Field{"permissionsBoundaryArn", Presence::optional, &kPolicyArn,
          "Permissions boundary of the roles that the pipeline's stack creates."},
    Field{"kmsKeyArn", Presence::optional, &kKeyArn,
          "Key that encrypts the artifact bucket and the webhook's secret. Without it, the "
          "services' own."},
    Field{"alarmTopicArn", Presence::optional, &kTopicArn,
          "SNS topic that alarms are sent to. Without it, the pipeline's stack creates one."},
    Field{"longRunningAfter", Presence::optional, &kDuration,
          "How long a run may take before an alarm is raised.", "\"2h\""},
    Field{"logRetentionDays", Presence::optional, &kLogRetention,
          "Days that CloudWatch keeps the pipeline's logs.", "90"},
    Field{"auditTrail", Presence::optional, &kBoolean,
          "Whether the pipeline's stack records AWS calls with CloudTrail.", "false"},
};
constexpr Shape kPipeline = record("Settings of the pipeline and its stack", kPipelineFields);

constexpr std::array kRootFields{
    Field{"version", Presence::required, &kVersion, "Version of this file's schema."},
    Field{"build", Presence::required, &kBuild, "What the build stage does."},
    Field{"environments", Presence::required, &kEnvironments,
          "Environments, deployed and tested one after another in this order."},
    Field{"timeouts", Presence::optional, &kTimeouts, "How long each stage may take."},
    Field{"pipeline", Presence::optional, &kPipeline, "Settings of the pipeline itself."},
};
constexpr Shape kRoot = record("Aphex pipeline configuration", kRootFields);

}  // namespace

const Shape& root_shape() {
  return kRoot;
}
const Shape& pipeline_shape() {
  return kPipeline;
}

}  // namespace aphex::config
