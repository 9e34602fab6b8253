#include "aws/profile_file.hpp"

#include <filesystem>

#include "base/text.hpp"
#include "os/files.hpp"

namespace aphex::aws {
namespace {

constexpr std::size_t kMaxFileBytes = 1U << 20U;  // hundreds of profiles

// "" where the section holds no profile (sso-session, services, a wrong name).
std::string profile_name(std::string_view section, ProfileFile kind) {
  section = trim(section);
  switch (kind) {
    case ProfileFile::credentials:
      return std::string(section);
    case ProfileFile::config:
      break;
  }
  if (section == "default") return "default";
  constexpr std::string_view kPrefix = "profile";
  if (!section.starts_with(kPrefix)) return {};
  section.remove_prefix(kPrefix.size());
  if (section.empty() || (section.front() != ' ' && section.front() != '\t')) return {};
  section = trim(section);
  const bool quoted = section.size() >= 2 && section.front() == section.back() &&
                      (section.front() == '"' || section.front() == '\'');
  return std::string(quoted ? section.substr(1, section.size() - 2) : section);
}

// Without a comment: " #" or " ;" begins one, inside a value too.
std::string_view value_of(std::string_view text) {
  for (const std::string_view mark : {" #", " ;", "\t#", "\t;"}) {
    text = text.substr(0, text.find(mark));
  }
  return trim(text);
}

std::string variable(const os::EnvironmentVariables& environment, const std::string& name) {
  const auto at = environment.find(name);
  return at == environment.end() ? std::string() : at->second;
}

std::filesystem::path expand(const std::string& path, const std::string& home) {
  if (path.starts_with("~/")) return std::filesystem::path(home) / path.substr(2);
  return path;
}

Result<std::string> read_if_there(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.empty() || !std::filesystem::exists(path, ignored)) return std::string();
  return os::read_file(path, kMaxFileBytes);
}

}  // namespace

const ProfileSettings* SharedConfig::find(const std::string& profile) const {
  const auto at = profiles.find(profile);
  return at == profiles.end() ? nullptr : &at->second;
}

std::vector<std::string> SharedConfig::names() const {
  std::vector<std::string> out;
  for (const auto& [name, settings] : profiles)
    out.push_back(name);
  return out;
}

void read_profiles(std::string_view text, ProfileFile kind, SharedConfig& into) {
  ProfileSettings* current = nullptr;
  for (const std::string& raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (raw.front() == ' ' || raw.front() == '\t') continue;  // a nested setting, as of s3
    if (line.front() == '[') {
      const std::size_t close = line.find(']');
      const std::string name =
          close == std::string_view::npos ? "" : profile_name(line.substr(1, close - 1), kind);
      current = name.empty() ? nullptr : &into.profiles[name];
      continue;
    }
    const std::size_t equals = line.find('=');
    if (current == nullptr || equals == std::string_view::npos) continue;
    (*current)[to_lower(trim(line.substr(0, equals)))] = value_of(line.substr(equals + 1));
  }
}

Result<SharedConfig> load_shared_config(const os::EnvironmentVariables& environment) {
  const std::string home = variable(environment, "HOME");
  std::string config = variable(environment, "AWS_CONFIG_FILE");
  std::string credentials = variable(environment, "AWS_SHARED_CREDENTIALS_FILE");
  if (config.empty() && !home.empty()) config = home + "/.aws/config";
  if (credentials.empty() && !home.empty()) credentials = home + "/.aws/credentials";

  SharedConfig out;
  out.files = config + " and " + credentials;
  APHEX_TRY(const std::string config_text, read_if_there(expand(config, home)));
  APHEX_TRY(const std::string credentials_text, read_if_there(expand(credentials, home)));
  read_profiles(config_text, ProfileFile::config, out);
  read_profiles(credentials_text, ProfileFile::credentials, out);
  return out;
}

}  // namespace aphex::aws
