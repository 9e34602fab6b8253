#pragma once
// What a CDK application's own files say: package.json, lock files, cdk.json.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "doc/value.hpp"

namespace aphex::engine {

struct PackageManager {
  std::string_view program;    // "npm"
  std::string_view lock_file;  // "package-lock.json"
  std::string_view install;    // the command that installs exactly what the lock file says
  std::string_view run;        // the prefix of a script's name
  std::string_view get;        // how a person gets the program
};

// By the lock file in the application's directory; npm where there is none.
const PackageManager& package_manager_of(const std::filesystem::path& directory);
bool has_lock_file(const std::filesystem::path& directory);

// The file as a JSON object; not_found where there is none, corrupt with the place where it does
// not read.
Result<doc::Value> read_json_object(const std::filesystem::path& file);

// Whether package.json names the package among its dependencies of any kind.
bool depends_on_package(const doc::Value& package, std::string_view name);

}  // namespace aphex::engine
