#pragma once
// aphex-server.yaml: which pipelines a server runs, and how it is reached.
//
//   version: "1.0"
//   listen: 127.0.0.1:8737
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
//   publicUrl: https://aphex.example.com
//   notifications: …  (server/notify/channel_config.hpp)

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "server/notify/channel_config.hpp"

namespace aphex::server {

// What a push does to older runs of its pipeline and branch that still wait. One that executes is
// never touched.
enum class Supersede { queued, never };

struct ServedPipeline {
  std::string name;
  std::string repository;  // owner/name, as GitHub calls it
  std::string url;         // what is cloned
  std::string branch = "main";
  std::string config_path = "aphex-config.yaml";
  std::vector<std::string> webhook_secrets;  // their values; one at least, none empty
  Supersede supersede = Supersede::queued;
  bool sandbox = false;
};

struct ServerConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8737;
  std::uint32_t max_runs = 2;
  std::string public_url;  // where people reach it, without a slash at its end; may be empty
  std::vector<ServedPipeline> pipelines;
  std::vector<notify::ChannelConfig> notifications;

  const ServedPipeline* find(std::string_view name) const;
};

struct LoadedServerConfig {
  Source source;
  std::vector<Diagnostic> diagnostics;
  std::optional<ServerConfig> config;  // nothing where there is an error
};

// Reads the file and the webhooks' secrets; an error only where the file cannot be read. What
// notifications need is looked at where a server starts, and is no matter of a run's.
Result<LoadedServerConfig> load_server_config(
    const std::filesystem::path& file,
    notify::Files notification_files = notify::Files::not_looked_at);

}  // namespace aphex::server
