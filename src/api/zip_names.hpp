#pragma once
// The names of the entries of a ZIP archive: only its directory is read, whatever its size.

#include <filesystem>
#include <string>
#include <vector>

#include "aphex/result.hpp"

namespace aphex {

// In the order of the archive's central directory. An error where the file is no ZIP archive.
Result<std::vector<std::string>> zip_names(const std::filesystem::path& path);

}  // namespace aphex
