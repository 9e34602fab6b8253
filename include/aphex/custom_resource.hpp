#pragma once
// A resource that a Lambda function creates, updates and deletes.

#include <chrono>
#include <optional>
#include <string>

#include "aphex/cfn.hpp"

namespace aphex {

struct CustomResourceProps {
  Value service_token = {};                                           // the function's ARN
  std::string resource_type = "AWS::CloudFormation::CustomResource";  // or "Custom::Name"
  Value properties = {};  // an object, beside ServiceToken
  // How long CloudFormation waits for an answer: up to 3600 s, which is also the default.
  std::optional<std::chrono::seconds> service_timeout = {};
  RemovalPolicy removal_policy = RemovalPolicy::destroy;
};

class CustomResource : public CfnResource {
 public:
  CustomResource(Construct& scope, std::string id, CustomResourceProps props);
  std::string_view type_name() const override { return "aphex.CustomResource"; }
};

}  // namespace aphex
