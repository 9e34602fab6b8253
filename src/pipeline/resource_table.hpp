#pragma once
// The groups of resources that a pipeline's stack is made of: one file each in resources/.

#include <span>
#include <string_view>

#include "pipeline/stack_parts.hpp"

namespace aphex::pipeline {

namespace resources {
void add_artifact_bucket(StackParts& parts);
void add_webhook_secret(StackParts& parts);
void add_observation(StackParts& parts);
void add_audit_trail(StackParts& parts);
void add_workflow_role(StackParts& parts);
void add_provider(StackParts& parts);
void add_kubernetes_objects(StackParts& parts);
void add_outputs(StackParts& parts);
}  // namespace resources

struct ResourceGroup {
  std::string_view name;
  void (*add)(StackParts& parts);
};
// In the order in which they are made.
std::span<const ResourceGroup> resource_table();

}  // namespace aphex::pipeline
