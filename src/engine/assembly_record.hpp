#pragma once
// What a cloud assembly was synthesized for, so that a deployment knows whether it still fits.
//
// aphex-assembly.json in the assembly's directory; it travels with the artifacts:
//   {"version": 1, "environment": "dev", "account": "…", "region": "…", "commit": "<sha>",
//    "source": "commit" | "worktree", "run": "<id>", "cdk": "2.1148.1"}

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "engine/step.hpp"

namespace aphex::engine {

inline constexpr std::string_view kAssemblyRecordFile = "aphex-assembly.json";

struct AssemblyRecord {
  std::string environment;
  std::string account;
  std::string region;
  std::string commit_sha;
  std::string source;  // "commit" or "worktree"
  std::string run;     // which run synthesized it
  std::string cdk;     // version of the CLI
};

// What an assembly of this run for this environment says.
AssemblyRecord expected_record(const StepContext& context, const plan::Environment& environment);

Status write_record(const std::filesystem::path& assembly, const AssemblyRecord& record);
Result<AssemblyRecord> read_record(const std::filesystem::path& assembly);

// Empty where the assembly fits, else why it does not. One that came from a work tree fits only
// its own run: the commit does not say what was in the tree.
std::string why_unfit(const AssemblyRecord& found, const AssemblyRecord& expected);

}  // namespace aphex::engine
