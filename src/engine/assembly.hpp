#pragma once
// A cloud assembly: what `cdk synth` leaves in its output directory.
//
// Read here: manifest.json of the directory and of the nested assemblies that stages make
// ("cdk:cloud-assembly"). Fields as in cloud-assembly-schema 55; they are the same since 36.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aphex::engine {

struct AssemblyStack {
  std::string id;             // of the artifact, unique in its manifest
  std::string name;           // its path in the construct tree: what `cdk deploy` selects by
  std::string physical_name;  // CloudFormation's name of it
  // Nothing where the stack is environment-agnostic: it goes wherever the CLI's credentials lead.
  std::optional<std::string> account;
  std::optional<std::string> region;
  std::filesystem::path template_file;
  std::vector<std::size_t> needs;  // indices into Assembly::stacks, directly or through assets
};

struct Assembly {
  std::filesystem::path directory;
  std::vector<AssemblyStack> stacks;  // in the order of the manifests
  std::vector<std::string> missing;   // keys of context that synthesis could not look up
};

// not_found where there is no manifest; corrupt, with the place, where it does not read.
Result<Assembly> read_assembly(const std::filesystem::path& directory);

// "aws://111122223333/us-east-1"; unknown parts as the CDK writes them.
std::string environment_address(const AssemblyStack& stack);

}  // namespace aphex::engine
