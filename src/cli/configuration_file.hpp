#pragma once
// The configuration file that a subcommand is given, read and checked where it lies.

#include <filesystem>

#include "cli/terminal.hpp"
#include "config/config.hpp"

namespace aphex::cli {

struct ConfigurationFile {
  aphex::Source source;              // named as the person named it
  std::filesystem::path repository;  // what stack paths are relative to
  std::string repository_name;
  config::LoadResult result;
};

// Whether the files that stacks name have to exist: not where only the pipeline itself is looked
// at.
enum class StackFiles { checked, not_checked };

// `name` in the working directory, else in the nearest of its parents up to the repository's root,
// as one says it from here; `name` itself where it is in none of them.
std::string find_upwards(std::string_view name);

// Without `file`: the one that find_upwards() finds. The repository is the git working tree that
// holds the file, else the file's own directory.
Result<ConfigurationFile> read_configuration(const std::string& file,
                                             config::UnknownKeys unknown_keys,
                                             StackFiles stack_files = StackFiles::checked);

}  // namespace aphex::cli
