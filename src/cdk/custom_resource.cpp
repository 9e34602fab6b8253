#include "aphex/custom_resource.hpp"

#include <iterator>

#include <fmt/format.h>

namespace aphex {
namespace {

constexpr std::string_view kGenericType = "AWS::CloudFormation::CustomResource";
constexpr std::string_view kOwnTypes = "Custom::";
constexpr std::size_t kMaxTypeLength = 60;
constexpr std::chrono::seconds kMaxServiceTimeout{3600};

bool is_custom_type(std::string_view type) {
  return type == kGenericType || (type.starts_with(kOwnTypes) && type.size() > kOwnTypes.size() &&
                                  type.size() <= kMaxTypeLength);
}

}  // namespace

CustomResource::CustomResource(Construct& scope, std::string id, CustomResourceProps props)
    : CfnResource(scope, std::move(id), {.type = props.resource_type, .properties = {}}) {
  if (!is_custom_type(props.resource_type)) {
    node().add_problem(fmt::format("'{}' is no type for a custom resource", props.resource_type),
                       "Custom::Name, at most 60 characters altogether");
  }
  Value::Object members;
  members.emplace_back("ServiceToken", std::move(props.service_token));
  if (props.service_timeout) {
    const std::chrono::seconds timeout = *props.service_timeout;
    if (timeout < std::chrono::seconds(1) || timeout > kMaxServiceTimeout) {
      node().add_problem(
          fmt::format("CloudFormation cannot wait {} s for an answer", timeout.count()),
          "1 to 3600 seconds");
    }
    // The schema has it as a text or a number; CloudFormation returns it as a text.
    members.emplace_back("ServiceTimeout", std::to_string(timeout.count()));
  }
  if (Value::Object* own = props.properties.as_object()) {
    std::move(own->begin(), own->end(), std::back_inserter(members));
  } else if (!props.properties.is_null()) {
    node().add_problem("the properties of a custom resource are not an object");
  }
  properties() = std::move(members);
  apply_removal_policy(props.removal_policy);
}

}  // namespace aphex
