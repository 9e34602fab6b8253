#include "pipeline/provider_statements.hpp"

#include <fmt/format.h>

#include "aphex/cfn.hpp"

namespace aphex::pipeline {
namespace {

iam::PolicyStatement allow(std::string sid, std::vector<std::string> actions,
                           std::vector<Value> resources, std::string reason) {
  iam::PolicyStatement statement;
  statement.sid = std::move(sid);
  statement.actions = std::move(actions);
  statement.resources = std::move(resources);
  statement.reason = std::move(reason);
  return statement;
}

// "secretsmanager.us-east-1.amazonaws.com"
std::string endpoint(const Settings& settings, std::string_view service) {
  return fmt::format("{}.{}.amazonaws.com{}", service, settings.region,
                     settings.partition == "aws-cn" ? ".cn" : "");
}

}  // namespace

Value kubectl_role(const Settings& settings) {
  if (!settings.kubectl_role_arn.empty()) return settings.kubectl_role_arn;
  return fn_import_value(settings.export_prefix + "KubectlRoleArn");
}

std::vector<iam::PolicyStatement> provider_statements(const Settings& settings,
                                                      const ProviderNeeds& needs) {
  const auto own = [&](std::string_view service, std::string_view resource) {
    return arn(settings, {.service = service,
                          .region = settings.region,
                          .account = settings.account,
                          .resource = resource});
  };
  const std::string assets = fmt::format("cdk-{}-assets-{}-{}/*{}", settings.bootstrap_qualifier,
                                         settings.account, settings.region, kManifestExtension);
  std::vector<iam::PolicyStatement> list;
  list.push_back(
      allow("ReadManifests", {"s3:GetObject"},
            {arn(settings, {.service = "s3", .region = "", .account = "", .resource = assets})},
            "reads manifests that are too large for a property of CloudFormation"));
  list.push_back(allow("ReadSecrets", {"secretsmanager:GetSecretValue"},
                       {own("secretsmanager", "secret:" + settings.github_token_secret + "-??????"),
                        needs.webhook_secret},
                       "copies the GitHub token and the webhook's secret into Secrets of the "
                       "cluster, past every template and log"));
  if (!settings.kms_key_arn.empty()) {
    list.push_back(allow("DecryptSecrets", {"kms:Decrypt"}, {settings.kms_key_arn},
                         "the webhook's secret is encrypted with this key"));
    list.back().conditions = {
        {"StringEquals", "kms:ViaService", endpoint(settings, "secretsmanager")}};
  }
  list.push_back(allow("FindCluster", {"eks:DescribeCluster"},
                       {own("eks", "cluster/" + settings.cluster_name)},
                       "asks for the address and the certificate of this one cluster's API"));
  list.push_back(allow("BeKubectl", {"sts:AssumeRole"}, {kubectl_role(settings)},
                       "the cluster lets this role apply objects"));
  list.push_back(allow("WriteLogs", {"logs:CreateLogStream", "logs:PutLogEvents"},
                       {needs.log_group}, "the function's own log"));
  return list;
}

}  // namespace aphex::pipeline
