#pragma once
// The local AWS: starting, finding and ending its server, and the accounts in it.
//
// <state>/sandbox/ is the server's directory. The server itself writes state.bin, blobs/ and, while
// it serves, server.json ({"version","pid","port","endpoint","started_at"}); it holds `lock`. Ours:
//   start.lock         held while a process of ours starts or ends the server
//   bootstrap.lock     held while accounts are bootstrapped
//   launch.log         what the server printed: why it did not start
//   no-profiles        an empty file that stands in for ~/.aws/config and ~/.aws/credentials
//   empty/             a directory without a CDK application, for `cdk bootstrap`

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/http.hpp"
#include "base/result.hpp"
#include "doc/value.hpp"
#include "engine/run_paths.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "plan/plan.hpp"

namespace aphex::engine {

// Owns every account that a person has not named; documentation's own example.
inline constexpr std::string_view kDefaultPipelineAccount = "111122223333";

struct SandboxOptions {
  StatePaths paths;
  os::EnvironmentVariables environment;  // of this process; says where Python and the CDK are
  std::shared_ptr<aws::HttpClient> http;
  std::shared_ptr<os::Clock> clock;
  std::shared_ptr<os::ProcessRunner> processes;
  os::CancelToken cancel;
  std::string pipeline_account = std::string(kDefaultPipelineAccount);
  // Its own CDK command line bootstraps the accounts. May be empty: there is no application.
  std::filesystem::path application;
  int port = 0;  // 0: the port of last time, or a free one
  // A server with a large state takes a few seconds; on a machine that builds beside it, a minute.
  // One that ends before is told at once.
  std::chrono::milliseconds start_timeout{120'000};
  // Told what is being done, where it takes long. May be empty.
  std::function<void(std::string_view)> on_progress;
};

struct SandboxServer {
  std::string endpoint;  // http://localhost:<port>; the name must be localhost, see facts of moto
  int pid = 0;
  int port = 0;
  std::string version;
  std::string started_at;  // RFC 3339
  std::string pipeline_account;
  std::string access_key_id;  // of the pipeline account
  std::string secret_access_key;
  std::filesystem::path directory;  // <state>/sandbox
};

// A running server is used again. Two processes that start it at once get the same one. Errors:
// not_found (no Python, no package), unavailable with the server's own words (it did not start),
// timeout, cancelled.
Result<SandboxServer> start_sandbox(const SandboxOptions& options);

// The server, if one runs. What a killed one left behind is not taken for it.
Result<std::optional<SandboxServer>> find_sandbox(const SandboxOptions& options);

struct SandboxStatus {
  std::optional<SandboxServer> server;  // nothing: it is stopped
  // As the server tells it: {"environments": [{"account", "region", "stacks": [{"name", "status",
  // "reason", "resources", "changed"}], "buckets": [{"name", "objects"}]}]}. Null when stopped.
  doc::Value resources;
};
Result<SandboxStatus> sandbox_status(const SandboxOptions& options);

enum class Stopped { was_running, was_not_running };
// Its state stays for the next start.
Result<Stopped> stop_sandbox(const SandboxOptions& options);

// Forgets every account, stack and object, whether it runs or not; it goes on running.
Status reset_sandbox(const SandboxOptions& options);

// `base` with the sandbox in place of AWS: its endpoint, the pipeline account's key, a region (the
// base's own, else us-east-1), no profile, no other credentials, no telemetry. Nothing that the
// base says about AWS is left but the region; a variable called CDK (the CDK takes it for options)
// is removed.
os::EnvironmentVariables sandbox_environment(const SandboxServer& server,
                                             const os::EnvironmentVariables& base);

struct AccountKey {
  std::string access_key_id;
  std::string secret_access_key;
};
// A lasting key of the account; the account is made where there is none.
Result<AccountKey> sandbox_account(const SandboxServer& server, const std::string& account,
                                   const SandboxOptions& options);

// Makes each account and region of the environments ready for the CDK, with trust in the server's
// pipeline account and in whomever they trust already: `cdk bootstrap`, where something is missing,
// two at a time. Within 50 ms when all is done already.
Status bootstrap_accounts(const SandboxServer& server,
                          const std::vector<plan::Environment>& environments,
                          const std::string& qualifier, const SandboxOptions& options);

}  // namespace aphex::engine
