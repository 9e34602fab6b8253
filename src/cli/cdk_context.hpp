#pragma once
// The context of cdk.json and cdk.context.json, for a program that the cdk command line has not
// started: started by it, a program has all context in its environment.

#include <vector>

#include "base/result.hpp"
#include "os/process.hpp"
#include "pipeline/layers.hpp"

namespace aphex::cli {

// Later ones win. None where $CDK_CONTEXT_JSON is set, or there is no such file: they lie in the
// working directory, else in the nearest of its parents, up to the repository's root, that has a
// cdk.json. A file that is no JSON is an error.
Result<std::vector<pipeline::Layer>> cdk_context_layers(
    const os::EnvironmentVariables& environment);

}  // namespace aphex::cli
