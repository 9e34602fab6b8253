#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/process.hpp"

namespace aphex::os {

// What execve is to be given for `name` by a child that first enters `directory` (empty: ours).
// A name with '/' is taken as it is; relative entries of PATH are looked up from `directory`.
Result<std::string> find_program_from(const std::filesystem::path& directory, std::string_view name,
                                      const EnvironmentVariables& environment);

}  // namespace aphex::os
