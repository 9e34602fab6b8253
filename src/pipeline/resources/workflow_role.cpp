// The role of a run's pods: trusted for one ServiceAccount of one cluster alone.
#include "pipeline/execution_statements.hpp"
#include "pipeline/images.hpp"
#include "pipeline/policy_packing.hpp"
#include "pipeline/resource_table.hpp"

namespace aphex::pipeline::resources {
namespace {

constexpr std::string_view kPolicyName = "Run";

Value oidc_provider(const Settings& settings) {
  if (!settings.oidc_provider_arn.empty()) return settings.oidc_provider_arn;
  return fn_import_value(settings.export_prefix + "OIDCProviderArn");
}

iam::RoleProps role_props(const Settings& settings) {
  iam::RoleProps props;
  props.role_name = settings.workflow_role_name;
  props.description = "Runs of the pipeline " + settings.name;
  iam::PolicyStatement trust =
      iam::trust_service_account({.provider_arn = oidc_provider(settings),
                                  .issuer = settings.oidc_issuer,
                                  .kubernetes_namespace = settings.kubernetes.name_space,
                                  .service_account = settings.kubernetes.names.executor_account});
  trust.reason = "every stage: pods of this one ServiceAccount of this cluster, nobody else";
  props.trust = {std::move(trust)};
  if (!settings.permissions_boundary_arn.empty()) {
    props.permissions_boundary = settings.permissions_boundary_arn;
  }
  return props;
}

}  // namespace

void add_workflow_role(StackParts& parts) {
  const Settings& settings = parts.settings;
  auto packed = pack(execution_statements(settings, parts.plan, images_of(parts.objects)));
  if (!packed) {
    parts.scope.node().add_problem(packed.error().message, packed.error().hint);
    packed = PackedPolicies{};
  }
  iam::RoleProps props = role_props(settings);
  if (!packed->in_role.empty()) {
    props.policies = {{std::string(kPolicyName), std::move(packed->in_role)}};
  }
  parts.workflow_role = &parts.scope.make<iam::Role>("WorkflowExecutionRole", std::move(props));
  for (std::size_t i = 0; i < packed->managed.size(); ++i) {
    iam::ManagedPolicyProps more;
    more.description = "More rights of the runs of the pipeline " + settings.name;
    more.statements = std::move(packed->managed[i]);
    more.roles = {parts.workflow_role->ref()};
    parts.scope.make<iam::ManagedPolicy>("WorkflowExecutionPolicy" + std::to_string(i + 1),
                                         std::move(more));
  }
}

}  // namespace aphex::pipeline::resources
