#pragma once
// What `cdk bootstrap` has put into the environment of a stack, by name.

#include <string>
#include <string_view>

#include "aphex/stack.hpp"

namespace aphex::cdk {

// The oldest version of the bootstrap stack that knows what we use (aws-cdk-lib 2.276).
inline constexpr int kMinBootstrapVersion = 6;
inline constexpr int kMinLookupRoleVersion = 8;

// What is not known of the environment stays as ${AWS::AccountId} and so on.
struct BootstrapNames {
  std::string bucket;
  std::string deploy_role;
  std::string execution_role;
  std::string publishing_role;
  std::string lookup_role;
  std::string version_parameter;
};

BootstrapNames bootstrap_names(const Stack& stack);

// Of a file in the bucket.
std::string object_key(const Stack& stack, std::string_view sha256, std::string_view extension);

}  // namespace aphex::cdk
