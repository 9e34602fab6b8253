#pragma once
// aphex-config.yaml as types: every value in it has been checked.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.hpp"
#include "doc/value.hpp"

namespace aphex::config {

inline constexpr std::string_view kFileName = "aphex-config.yaml";
inline constexpr std::string_view kVersion = "1.0";

struct Build {
  std::vector<std::string> commands;   // never empty
  std::vector<std::string> artifacts;  // paths packed into build-output.tar.gz; may be empty: all
  std::vector<std::string> cache;      // paths kept by the lock file's hash; default node_modules
};

struct Stack {
  std::string name;
  std::string path;                     // of the TypeScript file, relative to the repository
  std::vector<std::string> depends_on;  // names of stacks of the same environment, no duplicates
};

struct Hooks {
  std::vector<std::string> before_deploy;
  std::vector<std::string> after_deploy;
};

// Who lets an environment's deployment go on, having seen what it would change.
struct Approval {
  std::vector<std::string> approvers;       // names; empty: anybody
  std::uint32_t quorum = 1;                 // how many different people
  std::chrono::seconds expires{24 * 3600};  // nobody in this time rejects
  bool self_approval = false;               // the commit's author may be the only one
};

struct Environment {
  std::string name;
  std::string region;
  std::string account;  // twelve digits
  std::vector<Stack> stacks;
  std::vector<std::string> test_commands;  // empty: no test stage
  Hooks hooks;
  std::optional<Approval> approval{};  // nothing: no approve stage
};

struct Timeouts {
  std::chrono::seconds validate{600};
  std::chrono::seconds build{3600};
  std::chrono::seconds pipeline{1800};
  std::chrono::seconds deploy{7200};
  std::chrono::seconds test{3600};
  std::chrono::seconds approve{1800};  // of finding out what would change; not of the wait
};

enum class OnChange { restart, proceed };  // written restart, continue

// The optional `pipeline:` block. Names left out get their defaults where they are used.
struct Pipeline {
  std::string name;  // empty: the repository's name
  OnChange on_change = OnChange::restart;
  std::uint32_t max_parallel_stacks = 4;
  std::string bootstrap_qualifier = "hnb659fds";
  std::string artifact_store;  // empty: a directory on this machine; or s3://bucket[/prefix]
  // The settings of the pipeline's own stack (clusterName, githubOwner, …), each checked for its
  // type; they are interpreted by the pipeline stack's construct. An object, in file order.
  doc::Value stack_settings = doc::Value::object();
};

struct Config {
  Build build;
  std::vector<Environment> environments;  // in the order of the file, never empty
  Timeouts timeouts;
  Pipeline pipeline;
};

// What the checks need to know of the repository; pure code asks through this.
enum class PathKind { file, directory, missing, outside, too_deep };

class RepositoryView {
 public:
  virtual ~RepositoryView() = default;
  // `path` as written in the file, relative to the repository. Links are followed; `outside` when
  // the real path leaves the repository.
  virtual PathKind classify(const std::string& path) const = 0;
  // TypeScript files near `path`, for suggestions; may be empty.
  virtual std::vector<std::string> similar_files(const std::string& path) const = 0;
};

// Takes every path for an existing file: where there is no repository to look into, or it is looked
// at later.
class UnseenRepository final : public RepositoryView {
 public:
  PathKind classify(const std::string& /*path*/) const override { return PathKind::file; }
  std::vector<std::string> similar_files(const std::string& /*path*/) const override { return {}; }
};

enum class UnknownKeys { warn, reject };

struct LoadResult {
  std::optional<Config> config;         // nothing where there are errors
  std::vector<Diagnostic> diagnostics;  // in file order
};

// Reads and checks the whole text; every problem is reported, none hidden behind another.
LoadResult load(const Source& source, const RepositoryView& repository,
                UnknownKeys unknown_keys = UnknownKeys::warn);

// JSON Schema (draft 2020-12) of the file, generated from the same table that load() checks by.
doc::Value json_schema();

}  // namespace aphex::config
