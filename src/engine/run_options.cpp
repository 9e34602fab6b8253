// The JSON form of RunOptions, version 1:
// {"version": 1, "source": "commit"|"worktree", "cloneSource", "worktree", "configPath",
//  "sandbox": bool, "rebuild": bool, "artifactStore", "restarts",
//  "scope": "pipeline"|"validation"|"branch", "branchId"}

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "doc/value.hpp"
#include "engine/run_engine.hpp"

namespace aphex::engine {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::array<std::string_view, 3> kScopes{"pipeline", "validation", "branch"};

}  // namespace

std::string to_json(const RunOptions& options) {
  return doc::to_json(
      doc::Value::object({{"version", kVersion},
                          {"source", options.source == Source::commit ? "commit" : "worktree"},
                          {"cloneSource", options.clone_source},
                          {"worktree", options.worktree.string()},
                          {"configPath", options.config_path},
                          {"sandbox", options.aws == AwsTarget::sandbox},
                          {"rebuild", options.build == BuildMode::again},
                          {"artifactStore", options.artifact_store},
                          {"restarts", std::int64_t{options.restarts}},
                          {"scope", kScopes[static_cast<std::size_t>(options.scope)]},
                          {"branchId", options.branch_id}}));
}

Result<RunOptions> run_options_from(const std::string& json) {
  APHEX_TRY(const doc::Value value, doc::parse_json(json));
  const doc::Value* version = value.find("version");
  if (version == nullptr || version->as_int() == nullptr || *version->as_int() != kVersion) {
    return fail(ErrorCode::unsupported, "the run was recorded by another version of aphex",
                "start a new run of the same commit");
  }
  RunOptions options;
  options.source =
      value.string_or("source", "commit") == "worktree" ? Source::worktree : Source::commit;
  options.clone_source = value.string_or("cloneSource", "");
  options.worktree = value.string_or("worktree", "");
  options.config_path = value.string_or("configPath", config::kFileName);
  options.artifact_store = value.string_or("artifactStore", "");
  const auto is_set = [&](std::string_view key) {
    const doc::Value* member = value.find(key);
    return member != nullptr && member->as_bool() != nullptr && *member->as_bool();
  };
  options.aws = is_set("sandbox") ? AwsTarget::sandbox : AwsTarget::real;
  options.build = is_set("rebuild") ? BuildMode::again : BuildMode::reuse;
  if (const doc::Value* restarts = value.find("restarts"); restarts && restarts->as_int()) {
    options.restarts = static_cast<int>(*restarts->as_int());
  }
  const std::string scope = value.string_or("scope", kScopes.front());
  const auto* known = std::find(kScopes.begin(), kScopes.end(), scope);
  if (known == kScopes.end()) {
    return fail(ErrorCode::unsupported, "the run was recorded by another version of aphex",
                "start a new run of the same commit");
  }
  options.scope = static_cast<Scope>(known - kScopes.begin());
  options.branch_id = value.string_or("branchId", "");
  return options;
}

}  // namespace aphex::engine
