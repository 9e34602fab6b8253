#pragma once
// What the resource groups of the pipeline's stack work on, and leave for those that come after.

#include <string>
#include <vector>

#include "aphex/cfn.hpp"
#include "aphex/iam.hpp"
#include "aphex/lambda.hpp"
#include "aphex/pipeline_stack.hpp"
#include "aphex/s3.hpp"
#include "aphex/secretsmanager.hpp"
#include "argo/objects.hpp"
#include "pipeline/definition_state.hpp"
#include "pipeline/settings.hpp"

namespace aphex::pipeline {

struct StackParts {
  // `state` has settings and a plan.
  StackParts(Construct& of, const PipelineDefinition::State& state)
      : scope(of),
        settings(*state.settings),
        plan(*state.plan),
        objects(state.objects),
        provider(state.provider) {}

  Construct& scope;
  const Settings& settings;
  const plan::Plan& plan;
  const std::vector<argo::Object>& objects;
  const ProviderPackage& provider;

  // Filled by the groups, in the order of the table.
  s3::Bucket* bucket = nullptr;
  secretsmanager::Secret* webhook_secret = nullptr;
  Value alarm_topic;  // ARN
  iam::Role* workflow_role = nullptr;
  lambda::Function* provider_function = nullptr;
  CfnResource* load_balancer = nullptr;  // the Service that waits for one; null where none does
  Value webhook_url;

  Construct& group(std::string id) { return scope.make<Construct>(std::move(id)); }
};

}  // namespace aphex::pipeline
