#pragma once
// Where the archive of the provider's function lies.

#include "aphex/pipeline_stack.hpp"
#include "os/process.hpp"

namespace aphex {

// `given`, else $APHEX_PROVIDER_ZIP, else share/aphex/provider/provider.zip beside the directory of
// the program, else where this library was built, else where it is installed.
Result<ProviderPackage> find_provider_package(const std::filesystem::path& given,
                                              const os::EnvironmentVariables& environment);

}  // namespace aphex
