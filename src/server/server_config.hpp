#pragma once
// aphex-server.yaml: which pipelines a server runs, and how it is reached.
//
//   version: "1.0"
//   listen: 127.0.0.1:8737
//   publicUrl: https://aphex.example.com
//   trustedProxies: [127.0.0.1]
//   tls: {certificateFile: cert.pem, keyFile: key.pem}
//   maxRuns: 2
//   pipelines:
//     - name: archon-agent
//       repository: archon/archon-agent
//       url: https://github.com/archon/archon-agent.git
//       branch: main
//       configPath: aphex-config.yaml
//       webhookSecretFiles: [secret]
//       supersede: queued
//       sandbox: false
//       pullRequests: validate
//       forks: ignore
//       branches:
//         patterns: [feature/*]
//         environments: [dev]
//         most: 5
//   shutdown:
//     runs: leave
//     seconds: 300
//   retention:
//     days: 90
//     keep: 20
//   minimumFreeBytes: 536870912
//   logFile: /var/log/aphex/server.log
//   logFormat: text
//   accessLog: false
//   notifications: …  (server/notify/channel_config.hpp)

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "server/notify/channel_config.hpp"
#include "server/operate/server_log.hpp"

namespace aphex::server {

// What a push does to older runs of its pipeline and branch that still wait. One that executes is
// never touched.
enum class Supersede { queued, never };

enum class PullRequests { none, validate };
// Pull requests whose commit is of another repository. Anybody can open one.
enum class Forks { ignore, accept };

// Branches with pipelines of their own.
struct ServedBranches {
  std::vector<std::string> patterns;      // of fnmatch(3): '*' stops at '/'; never empty
  std::vector<std::string> environments;  // empty: the first of the commit's file
  std::uint32_t most = 5;                 // that have stacks or a run at a time; others wait
  bool sandbox = false;

  bool match(const std::string& branch) const;
};

struct ServedPipeline {
  std::string name;
  std::string repository;  // owner/name, as GitHub calls it
  std::string url;         // what is cloned
  std::string branch = "main";
  std::string config_path = "aphex-config.yaml";
  std::vector<std::string> webhook_secrets;  // their values; one at least, none empty
  Supersede supersede = Supersede::queued;
  bool sandbox = false;
  PullRequests pull_requests = PullRequests::validate;
  Forks forks = Forks::ignore;
  std::optional<ServedBranches> branches;

  // Whether this branch has a pipeline of its own.
  bool has_own(const std::string& pushed) const {
    return branches && branch != pushed && branches->match(pushed);
  }
};

// What becomes of the runs that execute when the server is told to end.
enum class RunsAtEnd {
  leave,   // they go on; the next server finds them
  finish,  // the server waits for them; those that take longer are parked
  park,    // they are ended, and the next server goes on with them
};

struct Retention {
  std::uint32_t days = 90;  // runs, their logs, deliveries and entries of the queue
  std::uint32_t keep = 20;  // the newest runs of each pipeline stay, however old
  std::uint32_t audit_days = 365;
};

// PEM files, absolute. Their contents are read where they are used.
struct TlsFiles {
  std::filesystem::path certificate;  // with what chains it to an authority
  std::filesystem::path key;
};

struct ServerConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8737;
  std::string public_url;                    // scheme://host[:port]; empty: not told
  std::vector<std::string> trusted_proxies;  // canonical addresses: X-Forwarded-* is theirs to say
  std::optional<TlsFiles> tls;
  std::uint32_t max_runs = 2;
  std::vector<ServedPipeline> pipelines;
  std::vector<notify::ChannelConfig> notifications;
  RunsAtEnd runs_at_end = RunsAtEnd::leave;
  std::chrono::seconds end_time{300};
  std::optional<Retention> retention;  // nothing: everything is kept
  std::uint64_t minimum_free_bytes = 512ULL << 20U;
  std::filesystem::path log_file;  // empty: standard error
  LogFormat log_format = LogFormat::text;
  bool access_log = false;

  const ServedPipeline* find(std::string_view name) const;
};

struct LoadedServerConfig {
  Source source;
  std::vector<Diagnostic> diagnostics;
  std::optional<ServerConfig> config;  // nothing where there is an error
};

// Reads the file and the secrets that it names; an error only where the file cannot be read.
// What notifications need is looked at where a server starts, and is no matter of a run's.
Result<LoadedServerConfig> load_server_config(
    const std::filesystem::path& file,
    notify::Files notification_files = notify::Files::not_looked_at);

}  // namespace aphex::server
