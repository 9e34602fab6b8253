#pragma once
// The world as it is: Secrets Manager, S3 and EKS with the function's own credentials, and clusters
// with a token of the function's role or of the one that a request names.

#include <memory>

#include "aws/credentials.hpp"
#include "provider/world.hpp"

namespace aphex::provider {

// An error where the environment names no region: then no service has an address.
Result<std::unique_ptr<World>> make_aws_world(aws::AwsContext context);

}  // namespace aphex::provider
