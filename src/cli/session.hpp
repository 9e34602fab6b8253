#pragma once
// What most subcommands open first: the state directory with its database.

#include <memory>

#include "cli/arguments.hpp"
#include "cli/terminal.hpp"
#include "engine/git.hpp"
#include "engine/run_paths.hpp"
#include "engine/sandbox.hpp"
#include "engine/service_set.hpp"
#include "os/signals.hpp"
#include "store/run_database.hpp"

namespace aphex::cli {

struct StateOption {
  std::string directory;
  void declare(Arguments& arguments);
};

// Where there is none yet, one that nobody else can read: it will hold sources, logs and keys of
// the sandbox.
Status make_state_directory(const engine::StatePaths& paths);

class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const StateOption& state);

  const engine::StatePaths& paths() const { return paths_; }
  store::RunDatabase& database() { return *database_; }
  const os::EnvironmentVariables& environment() const { return environment_; }
  std::shared_ptr<os::ProcessRunner> processes() { return processes_; }
  // A run by its number; "" is the latest of the current repository's pipeline, or of all.
  Result<store::RunRecord> find_run(const std::string& id);
  // The pipeline that the current directory belongs to, as far as the database knows one.
  std::optional<std::string> current_pipeline();

 private:
  Session() = default;
  engine::StatePaths paths_;
  os::EnvironmentVariables environment_;
  std::shared_ptr<os::ProcessRunner> processes_;
  std::unique_ptr<store::RunDatabase> database_;
};

// For engine/sandbox.hpp, with progress on standard error.
engine::SandboxOptions sandbox_options(const engine::StatePaths& paths,
                                       const os::EnvironmentVariables& environment,
                                       const os::CancelToken& cancel, const Terminal& terminal);

Result<std::int64_t> parse_run_number(const std::string& text);

}  // namespace aphex::cli
