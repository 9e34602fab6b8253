#include "k8s/connect.hpp"

#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "k8s/exec_token.hpp"
#include "k8s/kubeconfig.hpp"
#include "os/files.hpp"

namespace aphex::k8s {
namespace {

constexpr std::size_t kMaxConfigBytes = 4U << 20U;
constexpr std::size_t kMaxPemBytes = 1U << 20U;
constexpr std::size_t kMaxNameBytes = 1'024;

std::string value_of(const os::EnvironmentVariables& environment, const std::string& name) {
  const auto at = environment.find(name);
  return at == environment.end() ? std::string() : at->second;
}

bool is_there(const std::filesystem::path& path) {
  std::error_code unknown;
  return std::filesystem::exists(path, unknown);
}

std::vector<std::filesystem::path> kubeconfig_files(const Surroundings& surroundings,
                                                    const ConnectOptions& options) {
  if (!options.kubeconfig.empty()) return {options.kubeconfig};
  std::vector<std::filesystem::path> files;
  const std::string named = value_of(surroundings.environment, "KUBECONFIG");
  if (!named.empty()) {
    // A file of the list may be missing, as for kubectl.
    for (const std::string& name : split(named, ':')) {
      if (!name.empty() && is_there(name)) files.emplace_back(name);
    }
    return files;
  }
  const std::string home = value_of(surroundings.environment, "HOME");
  if (!home.empty() && is_there(home + "/.kube/config")) files.emplace_back(home + "/.kube/config");
  return files;
}

Result<std::string> read_pem(const PemSource& source) {
  if (source.file.empty()) return source.text;
  return os::read_file(source.file, kMaxPemBytes);
}

Result<std::shared_ptr<TokenProvider>> tokens_of(const Surroundings& surroundings,
                                                 const KubeconfigUser& user) {
  // kubectl's order: a token file wins over a token.
  if (!user.token_file.empty()) return make_file_token(surroundings.clock, user.token_file);
  if (!user.token.empty()) {
    return make_static_token(user.token, fmt::format("the kubeconfig's user '{}'", user.name));
  }
  if (user.exec) {
    return make_exec_tokens(ExecTokenOptions{.processes = surroundings.processes,
                                             .clock = surroundings.clock,
                                             .environment = surroundings.environment},
                            *user.exec);
  }
  if (user.certificate.is_set() && user.key.is_set()) return nullptr;
  return fail(
      ErrorCode::usage,
      fmt::format("the kubeconfig's user '{}' has no token, no certificate with its key and "
                  "no exec",
                  user.name),
      "sign in to the cluster again");
}

Result<Connection> connect_by_kubeconfig(const Surroundings& surroundings,
                                         const ConnectOptions& options,
                                         const std::vector<std::filesystem::path>& files) {
  std::vector<Kubeconfig> configs;
  for (const std::filesystem::path& file : files) {
    APHEX_TRY(std::string text, os::read_file(file, kMaxConfigBytes));
    APHEX_TRY(Kubeconfig config, parse_kubeconfig(file, std::move(text)));
    configs.push_back(std::move(config));
  }
  APHEX_TRY(const KubeconfigChoice choice, choose(merge(std::move(configs)), options.context));
  APHEX_TRY(std::shared_ptr<TokenProvider> tokens, tokens_of(surroundings, choice.user));
  aws::HttpOptions http;
  APHEX_TRY(http.ca_pem, read_pem(choice.cluster.authority));
  if (!tokens) {
    APHEX_TRY(http.client_certificate_pem, read_pem(choice.user.certificate));
    APHEX_TRY(http.client_key_pem, read_pem(choice.user.key));
  }
  std::string server = choice.cluster.server;
  while (server.ends_with('/'))
    server.pop_back();
  const std::string& name_space = choice.context.name_space;
  return Connection{
      .client = std::make_shared<Client>(ClientOptions{.cluster = choice.cluster.name,
                                                       .server = std::move(server),
                                                       .http = aws::make_http_client(http),
                                                       .tokens = std::move(tokens),
                                                       .clock = surroundings.clock}),
      .name_space = name_space.empty() ? "default" : name_space,
      .source = fmt::format("context {} of {}", choice.context.name, files.front().string())};
}

Result<Connection> connect_in_cluster(const Surroundings& surroundings) {
  const std::string host = value_of(surroundings.environment, "KUBERNETES_SERVICE_HOST");
  const std::string port = value_of(surroundings.environment, "KUBERNETES_SERVICE_PORT");
  const std::filesystem::path token = surroundings.service_account / "token";
  if (host.empty() || port.empty() || !is_there(token)) {
    return fail(ErrorCode::not_found, "there is no kubeconfig, and this is no pod of a cluster",
                "set KUBECONFIG, or sign in: aws eks update-kubeconfig --name CLUSTER");
  }
  aws::HttpOptions http;
  APHEX_TRY(http.ca_pem, os::read_file(surroundings.service_account / "ca.crt", kMaxPemBytes));
  auto name_space = os::read_file(surroundings.service_account / "namespace", kMaxNameBytes);
  const bool is_v6 = host.find(':') != std::string::npos;
  return Connection{.client = std::make_shared<Client>(
                        ClientOptions{.cluster = "kubernetes.default",
                                      .server = fmt::format("https://{}{}{}:{}", is_v6 ? "[" : "",
                                                            host, is_v6 ? "]" : "", port),
                                      .http = aws::make_http_client(http),
                                      .tokens = make_file_token(surroundings.clock, token),
                                      .clock = surroundings.clock}),
                    .name_space = name_space ? std::string(trim(*name_space)) : "default",
                    .source = "the service account of this pod"};
}

}  // namespace

Result<Connection> connect(const Surroundings& surroundings, const ConnectOptions& options) {
  const std::vector<std::filesystem::path> files = kubeconfig_files(surroundings, options);
  if (files.empty()) return connect_in_cluster(surroundings);
  return connect_by_kubeconfig(surroundings, options, files);
}

}  // namespace aphex::k8s
