#pragma once
// Finds, in TypeScript sources, which classes are stacks and where stacks are made. Reads words,
// not the language: enough to suggest a file, which a person then sees in aphex-config.yaml.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aphex::engine {

struct SourceScan {
  struct Class {
    std::string name;
    std::string base;  // the last part of a dotted name
  };
  struct Instance {
    std::string class_name;  // the last part of a dotted name
    std::string id;          // the second argument's text; ${…} of a template literal as '*'
  };
  std::vector<Class> classes;
  std::vector<Instance> instances;
  bool makes_app = false;  // holds `new App(` or `new cdk.App(`
};
SourceScan scan_source(std::string_view text);

struct SourceFile {
  std::string path;  // relative to the repository, with '/'
  SourceScan scan;
};

// Every TypeScript file of the repository that somebody wrote: declarations, node_modules, hidden
// directories and build output are left out. Sorted by path.
Result<std::vector<SourceFile>> scan_repository(const std::filesystem::path& repository);

// The file that defines the stack with this construct id, else the one that makes it; nothing
// where neither is found.
std::optional<std::string> file_of_stack(const std::vector<SourceFile>& files,
                                         std::string_view construct_id);

// The file that starts the application: from cdk.json's "app", else the one with `new App(`.
std::optional<std::string> file_of_app(const std::vector<SourceFile>& files,
                                       std::string_view app_command);

}  // namespace aphex::engine
