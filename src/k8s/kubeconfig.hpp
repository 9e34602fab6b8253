#pragma once
// kubeconfig files: which clusters there are, and as whom to speak to them. Pure.
// kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig (1.34)

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace aphex::k8s {

// PEM: in the file itself (base64 in the YAML, decoded here), or in a file that it names.
struct PemSource {
  std::string text;
  std::filesystem::path file;  // absolute, or as relative as the kubeconfig's own path
  bool is_set() const { return !text.empty() || !file.empty(); }
};

struct KubeconfigCluster {
  std::string name;
  std::string server;
  PemSource authority;  // not set: the system's authorities
};

// A program that prints an ExecCredential (client.authentication.k8s.io).
struct ExecPlugin {
  std::string api_version;
  std::string command;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
};

struct KubeconfigUser {
  std::string name;
  std::string token;
  std::filesystem::path token_file;
  PemSource certificate;
  PemSource key;
  std::optional<ExecPlugin> exec;
};

struct KubeconfigContext {
  std::string name;
  std::string cluster;
  std::string user;
  std::string name_space;  // empty: default
};

struct Kubeconfig {
  std::string current_context;
  std::vector<KubeconfigCluster> clusters;
  std::vector<KubeconfigUser> users;
  std::vector<KubeconfigContext> contexts;
  // What entries say that aphex does not do, by "cluster NAME" or "user NAME".
  std::vector<std::pair<std::string, Error>> refusals;
};

// An error where it is no YAML; entries that are incomplete are reported when they are chosen.
Result<Kubeconfig> parse_kubeconfig(const std::filesystem::path& path, std::string text);
// As kubectl merges several files: of each name the first stands.
Kubeconfig merge(std::vector<Kubeconfig> files);

struct KubeconfigChoice {
  KubeconfigContext context;
  KubeconfigCluster cluster;
  KubeconfigUser user;
};
// An empty name is the current context.
Result<KubeconfigChoice> choose(const Kubeconfig& config, const std::string& context);

}  // namespace aphex::k8s
