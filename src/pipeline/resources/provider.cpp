// The function that applies objects to the shared cluster, for this stack alone, with a role that
// can do nothing else.
#include "aphex/logs.hpp"
#include "pipeline/provider_statements.hpp"
#include "pipeline/resource_table.hpp"

namespace aphex::pipeline::resources {
namespace {

// Waiting for a load balancer takes minutes; the function answers before it is ended.
constexpr std::chrono::minutes kTimeout{10};
constexpr int kMemoryMb = 256;
// The archive has the programs of the machine that this was built on.
#if defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#elif defined(__x86_64__)
constexpr const char* kArchitecture = "x86_64";
#else
#error "AWS Lambda runs x86_64 and arm64 only"
#endif

iam::Role& provider_role(StackParts& parts, Construct& group, const logs::LogGroup& log) {
  iam::RoleProps props;
  props.description = "Applies the Kubernetes objects of the pipeline " + parts.settings.name;
  props.trust = {iam::trust_service("lambda.amazonaws.com", "the function itself, nobody else")};
  props.policies = {
      {"Apply", provider_statements(parts.settings, {.webhook_secret = parts.webhook_secret->arn(),
                                                     .log_group = log.arn()})}};
  if (!parts.settings.permissions_boundary_arn.empty()) {
    props.permissions_boundary = parts.settings.permissions_boundary_arn;
  }
  return group.make<iam::Role>("Role", std::move(props));
}

}  // namespace

void add_provider(StackParts& parts) {
  const Settings& settings = parts.settings;
  Construct& group = parts.group("Provider");
  const auto& log = group.make<logs::LogGroup>(
      "Logs", logs::LogGroupProps{.log_group_name = settings.log_group + "/provider",
                                  .retention_days = settings.log_retention_days,
                                  .kms_key_arn = {},
                                  .removal_policy = RemovalPolicy::destroy});
  const iam::Role& role = provider_role(parts, group, log);
  const auto& code = group.make<FileAsset>("Code", FileAssetProps{.content = {},
                                                                  .path = parts.provider.path,
                                                                  .sha256 = parts.provider.sha256,
                                                                  .extension = ".zip"});
  lambda::FunctionProps props;
  props.description = "Applies the Kubernetes objects of the pipeline " + settings.name;
  props.runtime = "provided.al2023";
  props.handler = "bootstrap";
  props.architectures = {kArchitecture};
  props.code = lambda::Code::from(code);
  props.role = role.arn();
  props.timeout = kTimeout;
  props.memory_mb = kMemoryMb;
  props.log_group = log.name();
  parts.provider_function = &group.make<lambda::Function>("Function", std::move(props));
}

}  // namespace aphex::pipeline::resources
