#pragma once
// What has to be there before a pipeline can run on this machine, each with what mends it.

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/http.hpp"
#include "config/config.hpp"
#include "doc/value.hpp"
#include "engine/run_paths.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"

namespace aphex::engine {

enum class CheckState {
  ok,
  warning,  // a run may work
  failed,   // a run cannot work
  skipped,  // cannot be told, because of another check
};
std::string_view to_string(CheckState state);  // "ok", "warning", "failed", "skipped"

struct Check {
  std::string name;  // "git", "credentials", "environment dev"
  CheckState state = CheckState::ok;
  std::string detail;  // what was found
  std::string remedy;  // empty where there is nothing to mend
};

struct DoctorOptions {
  std::filesystem::path directory;                           // in the repository, or anywhere
  std::string config_path = std::string(config::kFileName);  // relative to the repository's top
  StatePaths paths;
  os::EnvironmentVariables environment;
  std::shared_ptr<os::ProcessRunner> processes;
  std::shared_ptr<aws::HttpClient> http;
  std::shared_ptr<os::Clock> clock;
  os::CancelToken cancel;
  // What has not answered by then counts as failed.
  std::chrono::milliseconds time_limit{60'000};
};

// Always in the same order: tools, sandbox, state, repository, configuration, credentials, then one
// for each configured environment. Slow ones run side by side.
std::vector<Check> run_doctor(const DoctorOptions& options);

// {"healthy": true, "checks": [{"name", "state", "detail", "remedy"}]}
doc::Value to_value(const std::vector<Check>& checks);
// No check has failed.
bool healthy(const std::vector<Check>& checks);

}  // namespace aphex::engine
