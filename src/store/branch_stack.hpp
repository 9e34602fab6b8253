#pragma once
// A stack that the pipeline of a branch has deployed, or was about to.

#include <cstdint>
#include <string>

namespace aphex::store {

struct BranchStack {
  std::int64_t number = 0;  // in the order in which they were deployed first
  std::string pipeline;     // of the run: "app@feature-login-3f9a2c"
  std::string environment;
  std::string account;
  std::string region;
  std::string stack;          // as configured
  std::string physical_name;  // CloudFormation's
  std::string qualifier;      // of the bootstrap
};

}  // namespace aphex::store
