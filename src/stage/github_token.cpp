#include "stage/github_token.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "argo/stage_interface.hpp"
#include "base/text.hpp"
#include "os/files.hpp"

namespace aphex::stage {
namespace {

constexpr std::size_t kMaxTokenBytes = 64U << 10U;
// docs.github.com: the user name that goes with the token of an App; any other token ignores it.
constexpr std::string_view kUser = "x-access-token";

std::string value_of(const os::EnvironmentVariables& environment, std::string_view name) {
  const auto found = environment.find(std::string(name));
  return found == environment.end() ? std::string() : found->second;
}

// "Acme/App.git/" → "acme/app": GitHub does not tell cases apart.
std::string repository_of(std::string_view path) {
  while (path.starts_with('/'))
    path.remove_prefix(1);
  while (path.ends_with('/'))
    path.remove_suffix(1);
  if (path.ends_with(".git")) path.remove_suffix(4);
  return to_lower(path);
}

}  // namespace

CredentialRequest parse_credential_request(std::string_view text) {
  CredentialRequest request;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view name = std::string_view(line).substr(0, equals);
    const std::string value = line.substr(equals + 1);
    if (name == "protocol") request.protocol = value;
    if (name == "host") request.host = value;
    if (name == "path") request.path = value;
  }
  return request;
}

bool is_for(const CredentialRequest& request, std::string_view repository) {
  return request.protocol == "https" && to_lower(request.host) == kGitHubHost &&
         !repository.empty() && repository_of(request.path) == repository_of(repository);
}

std::string read_token(const os::EnvironmentVariables& environment) {
  const std::string file = value_of(environment, argo::kEnvGitHubTokenFile);
  if (file.empty()) return {};
  const Result<std::string> text = os::read_file(file, kMaxTokenBytes);
  return text ? std::string(trim(*text)) : std::string();
}

std::string credential_answer(std::string_view request,
                              const os::EnvironmentVariables& environment) {
  if (!is_for(parse_credential_request(request),
              value_of(environment, argo::kEnvGitHubRepository))) {
    return {};
  }
  const std::string token = read_token(environment);
  if (token.empty()) return {};
  return fmt::format("username={}\npassword={}\n", kUser, token);
}

void use_credential_helper(os::EnvironmentVariables& environment,
                           const std::filesystem::path& program) {
  const std::array<std::pair<std::string, std::string>, 3> settings{{
      {"credential.helper", ""},  // forgets those of configuration files
      {"credential.helper", "!" + shell_quote(program.string()) + " git-credential"},
      {"credential.useHttpPath", "true"},
  }};
  environment["GIT_CONFIG_COUNT"] = std::to_string(settings.size());
  for (std::size_t i = 0; i < settings.size(); ++i) {
    environment[fmt::format("GIT_CONFIG_KEY_{}", i)] = settings[i].first;
    environment[fmt::format("GIT_CONFIG_VALUE_{}", i)] = settings[i].second;
  }
}

}  // namespace aphex::stage
