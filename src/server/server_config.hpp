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

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.hpp"
#include "base/result.hpp"

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

  const ServedPipeline* find(std::string_view name) const;
};

struct LoadedServerConfig {
  Source source;
  std::vector<Diagnostic> diagnostics;
  std::optional<ServerConfig> config;  // nothing where there is an error
};

// Reads the file and the secrets that it names; an error only where the file cannot be read.
Result<LoadedServerConfig> load_server_config(const std::filesystem::path& file);

}  // namespace aphex::server
