#include "pipeline/execution_statements.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "plan/metrics.hpp"

namespace aphex::pipeline {
namespace {

using iam::PolicyStatement;

// Roles of a CDK bootstrap that the cdk command line assumes; the fifth, cfn-exec-role, trusts
// CloudFormation alone.
constexpr std::array<std::string_view, 4> kBootstrapRoles{"deploy-role", "file-publishing-role",
                                                          "image-publishing-role", "lookup-role"};

// What a deployment calls: change sets, their execution, the events of a failure, a rollback.
const std::vector<std::string> kStackActions{
    "cloudformation:CancelUpdateStack",   "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",     "cloudformation:CreateStack",
    "cloudformation:DeleteChangeSet",     "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",   "cloudformation:DescribeEvents",
    "cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",      "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate",         "cloudformation:GetTemplateSummary",
    "cloudformation:ListStackResources",  "cloudformation:RollbackStack",
    "cloudformation:TagResource",         "cloudformation:UntagResource",
    "cloudformation:UpdateStack",         "cloudformation:UpdateTerminationProtection"};

class Statements {
 public:
  Statements(const Settings& settings, const plan::Plan& plan,
             const std::vector<std::string>& images)
      : settings_(settings), plan_(plan), images_(images), targets_(targets_of(settings, plan)) {}

  std::vector<PolicyStatement> all() {
    artifacts();
    bootstrap();
    stacks();
    secret();
    image_pulls();
    observation();
    return std::move(list_);
  }

 private:
  PolicyStatement& allow(std::string sid, std::vector<std::string> actions,
                         std::vector<std::string> resources, std::string reason) {
    PolicyStatement statement;
    statement.sid = std::move(sid);
    statement.actions = std::move(actions);
    for (std::string& resource : resources)
      statement.resources.emplace_back(std::move(resource));
    statement.reason = std::move(reason);
    list_.push_back(std::move(statement));
    return list_.back();
  }

  std::string own(std::string_view service, std::string_view resource) const {
    return arn(settings_, {.service = service,
                           .region = settings_.region,
                           .account = settings_.account,
                           .resource = resource});
  }

  std::string bootstrap_role(const Target& target, std::string_view kind) const {
    const std::string resource = fmt::format("role/cdk-{}-{}-{}-{}", settings_.bootstrap_qualifier,
                                             kind, target.account, target.region);
    return arn(settings_,
               {.service = "iam", .region = "", .account = target.account, .resource = resource});
  }

  void artifacts() {
    const std::string bucket =
        arn(settings_,
            {.service = "s3", .region = "", .account = "", .resource = settings_.artifact_bucket});
    allow("FindArtifacts", {"s3:ListBucket"}, {bucket},
          "build (find): is this commit built already? deploy-*, test-* (download): a missing "
          "artifact is 'not found' and not 'denied'");
    allow("TransferArtifacts", {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"},
          {bucket + "/*"},
          "build (upload): build-output.tar.gz, node_modules.tar.gz and cdk.out under the commit; "
          "deploy-*, test-* (download)");
    if (settings_.kms_key_arn.empty()) return;
    allow("EncryptArtifacts", {"kms:Decrypt", "kms:GenerateDataKey"}, {settings_.kms_key_arn},
          "build (upload), deploy-*, test-* (download): the bucket is encrypted with this key")
        .conditions = {{"StringEquals", "kms:ViaService",
                        fmt::format("s3.{}.amazonaws.com{}", settings_.region,
                                    settings_.partition == "aws-cn" ? ".cn" : "")}};
  }

  void bootstrap() {
    std::vector<std::string> roles, execution_roles, parameters;
    for (const Target& target : targets_) {
      for (const std::string_view kind : kBootstrapRoles)
        roles.push_back(bootstrap_role(target, kind));
      if (target.account != settings_.account) continue;
      execution_roles.push_back(bootstrap_role(target, "cfn-exec-role"));
      const std::string parameter =
          fmt::format("parameter/cdk-bootstrap/{}/version", settings_.bootstrap_qualifier);
      parameters.push_back(arn(settings_, {.service = "ssm",
                                           .region = target.region,
                                           .account = target.account,
                                           .resource = parameter}));
    }
    allow("AssumeBootstrapRoles", {"sts:AssumeRole"}, std::move(roles),
          "validate (access-*), build (synthesize-*), pipeline (update), deploy-* (deploy): the "
          "cdk command line works as the bootstrap roles of exactly these accounts and regions");
    allow("PassExecutionRole", {"iam:PassRole"}, std::move(execution_roles),
          "pipeline (update), deploy-* (deploy): CloudFormation creates resources as this role of "
          "the pipeline's own account")
        .conditions = {{"StringEquals", "iam:PassedToService", "cloudformation.amazonaws.com"}};
    allow("ReadBootstrapVersion", {"ssm:GetParameter"}, std::move(parameters),
          "validate (access-*): tells an account that is not bootstrapped from one that does not "
          "trust this role");
  }

  // A policy of this account gives no right in another one: stacks there are the deploy role's.
  void stacks() {
    std::vector<std::string> stacks;
    std::unordered_set<std::string> seen;
    const auto add = [&](const std::string& region, std::string_view name) {
      const std::string resource = fmt::format("stack/{}/*", physical_stack_name(name));
      std::string stack = arn(settings_, {.service = "cloudformation",
                                          .region = region,
                                          .account = settings_.account,
                                          .resource = resource});
      if (seen.insert(stack).second) stacks.push_back(std::move(stack));
    };
    add(settings_.region, settings_.stack_name);
    for (const plan::Environment& environment : plan_.environments) {
      if (environment.account != settings_.account) continue;
      for (const config::Stack& stack : environment.stacks)
        add(environment.region, stack.name);
    }
    allow("OperateStacks", kStackActions, std::move(stacks),
          "pipeline (update), deploy-* (deploy, outputs): the pipeline's own stack and the "
          "configured ones of its account, where the cdk command line works without the deploy "
          "role; those of other accounts are reached through their deploy role alone");
  }

  void secret() {
    allow("ReadGitHubToken", {"secretsmanager:GetSecretValue"},
          {own("secretsmanager", "secret:" + settings_.github_token_secret + "-??????")},
          "build: commands that fetch private dependencies with the pipeline's GitHub token");
  }

  // <account>.dkr.ecr.<region>.amazonaws.com[.cn]/<repository>[:tag][@digest] → its ARN.
  std::optional<std::string> repository_of(std::string_view image) const {
    const std::string_view host = image.substr(0, image.find('/'));
    const std::vector<std::string> parts = split(host, '.');
    if (host.size() == image.size() || parts.size() < 6 || parts[1] != "dkr" || parts[2] != "ecr") {
      return std::nullopt;
    }
    const std::string_view path = image.substr(host.size() + 1);
    const std::string resource =
        "repository/" + std::string(path.substr(0, path.find_first_of(":@")));
    return arn(settings_,
               {.service = "ecr", .region = parts[3], .account = parts[0], .resource = resource});
  }

  void image_pulls() {
    std::vector<std::string> repositories;
    bool is_public = false;
    for (const std::string& image : images_) {
      if (auto repository = repository_of(image)) repositories.push_back(std::move(*repository));
      is_public = is_public || image.starts_with("public.ecr.aws/");
    }
    std::sort(repositories.begin(), repositories.end());
    repositories.erase(std::unique(repositories.begin(), repositories.end()), repositories.end());
    if (!repositories.empty()) {
      allow("PullImages",
            {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
            std::move(repositories), "every stage: the images that its pod runs, and no others");
      allow("LogInToRegistry", {"ecr:GetAuthorizationToken"}, {"*"},
            "every stage: before a pull; the action knows no resource");
    }
    if (!is_public) return;
    allow("LogInToPublicRegistry", {"ecr-public:GetAuthorizationToken"}, {"*"},
          "every stage: public.ecr.aws bounds how often somebody unknown pulls; the action knows "
          "no resource");
    allow("LogInToPublicRegistryBearer", {"sts:GetServiceBearerToken"}, {"*"},
          "every stage: what ecr-public:GetAuthorizationToken calls in turn")
        .conditions = {{"StringEquals", "sts:AWSServiceName", "ecr-public.amazonaws.com"}};
  }

  void observation() {
    allow("PublishMetrics", {"cloudwatch:PutMetricData"}, {"*"},
          "every stage and the exit handler: durations, results, sizes; the action knows no "
          "resource, the condition leaves one namespace")
        .conditions = {
        {"StringEquals", "cloudwatch:namespace", std::string(plan::kMetricNamespace)}};
    const std::string group = own("logs", "log-group:" + settings_.log_group);
    allow("WriteLogs", {"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
          {group, group + ":*"}, "every stage: its log, in the pipeline's own log group");
    allow("Notify", {"sns:Publish"}, {settings_.topic_arn()},
          "exit handler: says how the run ended");
  }

  const Settings& settings_;
  const plan::Plan& plan_;
  const std::vector<std::string>& images_;
  std::vector<Target> targets_;
  std::vector<PolicyStatement> list_;
};

}  // namespace

std::string physical_stack_name(std::string_view name) {
  return replace_all(std::string(name), "/", "-");
}

std::vector<Target> targets_of(const Settings& settings, const plan::Plan& plan) {
  std::vector<Target> targets{{settings.account, settings.region}};
  for (const plan::Environment& environment : plan.environments) {
    Target target{environment.account, environment.region};
    if (std::find(targets.begin(), targets.end(), target) == targets.end()) {
      targets.push_back(std::move(target));
    }
  }
  return targets;
}

std::vector<PolicyStatement> execution_statements(const Settings& settings, const plan::Plan& plan,
                                                  const std::vector<std::string>& images) {
  return Statements(settings, plan, images).all();
}

}  // namespace aphex::pipeline
