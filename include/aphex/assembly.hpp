#pragma once
// A cloud assembly in memory, and its way into a directory. Format: cloud-assembly-schema 36.0.0
// (aws-cdk-lib 2.150), which every cdk command line from 2.150 on reads.

#include <filesystem>
#include <string>
#include <vector>

#include "aphex/construct.hpp"
#include "aphex/result.hpp"
#include "aphex/value.hpp"

namespace aphex {

// Either bytes, or a file somewhere else of which only the hash is known.
struct AssemblyFile {
  std::string path;  // relative to the assembly, "ArchonStack.template.json"
  std::string content;
  std::filesystem::path copy_of;  // empty where `content` is the file
  std::string sha256;             // of what `copy_of` must hold, lower-case hexadecimal
};

// A stack of an assembly, for who wants to look at it without reading it back.
struct AssembledStack {
  std::string id;             // of the artifact in manifest.json
  std::string display_name;   // what `cdk ls` calls it, "Prod/ArchonStack"
  std::string stack_name;     // in CloudFormation
  std::string template_file;  // path in the assembly
  Value cloudformation;       // the template itself
};

struct Assembly {
  std::vector<AssemblyFile> files;     // sorted by path
  std::vector<AssembledStack> stacks;  // in the order of the tree, those of stages within included

  const AssemblyFile* find_file(std::string_view path) const;
  const AssembledStack* find_stack(std::string_view display_name) const;
};

// Either no problems and a whole assembly, or problems and an empty one.
struct Synthesis {
  Assembly assembly;
  std::vector<Problem> problems;
  bool ok() const { return problems.empty(); }
};

// Every problem, a line each: "error: ArchonStack/Bucket: message" and, where there is one,
// "  hint: …".
std::string describe(const std::vector<Problem>& problems);

// Which assemblies give way to a new one: those that this library wrote; or also those of an
// application of the CDK, where its command line says where to write.
enum class Replaces { our_own, any_assembly };

// Makes `directory` hold exactly this assembly. Effects: files only. What stood there before is
// replaced as a whole, but only where it is an assembly (or empty): another directory is refused.
[[nodiscard]] Status write_assembly(const Assembly& assembly,
                                    const std::filesystem::path& directory,
                                    Replaces replaces = Replaces::our_own);

}  // namespace aphex
