#include "pipeline/resource_table.hpp"

#include <array>

namespace aphex::pipeline {
namespace {

constexpr std::array kTable{
    ResourceGroup{"artifact bucket", resources::add_artifact_bucket},
    ResourceGroup{"webhook secret", resources::add_webhook_secret},
    ResourceGroup{"logs, alarms, dashboard", resources::add_observation},
    ResourceGroup{"audit trail", resources::add_audit_trail},
    ResourceGroup{"workflow role", resources::add_workflow_role},
    ResourceGroup{"provider of Kubernetes objects", resources::add_provider},
    ResourceGroup{"Kubernetes objects", resources::add_kubernetes_objects},
    ResourceGroup{"outputs", resources::add_outputs},
};

}  // namespace

std::span<const ResourceGroup> resource_table() {
  return kTable;
}

}  // namespace aphex::pipeline
