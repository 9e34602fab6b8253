// The environment, and programs in PATH.
#include <cerrno>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "os/process.hpp"
#include "os/program_search.hpp"

namespace aphex::os {

namespace {

// Where PATH is not set at all: what execvp(3) uses.
constexpr std::string_view kDefaultPath = "/bin:/usr/bin";

enum class Candidate { missing, not_executable, executable };

Candidate examine(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return Candidate::missing;
  return ::access(path.c_str(), X_OK) == 0 ? Candidate::executable : Candidate::not_executable;
}

tl::unexpected<Error> not_executable(const std::filesystem::path& path) {
  return fail(ErrorCode::permission, path.string() + " is not executable",
              "make it executable: chmod +x " + shell_quote(path.string()));
}

Result<std::filesystem::path> search_path(const std::filesystem::path& directory,
                                          std::string_view name,
                                          const EnvironmentVariables& environment) {
  const auto variable = environment.find("PATH");
  const std::string path =
      variable == environment.end() ? std::string(kDefaultPath) : variable->second;
  std::filesystem::path rejected;
  for (const auto& entry : split(path, ':')) {
    // An empty entry is the current directory, which is `directory` for the child.
    auto candidate = std::filesystem::path(entry.empty() ? "." : entry) / name;
    if (candidate.is_relative() && !directory.empty()) candidate = directory / candidate;
    const Candidate found = examine(candidate);
    if (found == Candidate::executable) return candidate;
    if (found == Candidate::not_executable && rejected.empty()) rejected = candidate;
  }
  if (!rejected.empty()) return not_executable(rejected);
  return fail(ErrorCode::not_found,
              "program not found: " + std::string(name) + " (PATH is " +
                  (path.empty() ? "empty" : path) + ")",
              "install " + std::string(name) + ", or add its directory to PATH");
}

}  // namespace

EnvironmentVariables current_environment() {
  EnvironmentVariables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Result<std::string> find_program_from(const std::filesystem::path& directory, std::string_view name,
                                      const EnvironmentVariables& environment) {
  if (name.empty()) return fail(ErrorCode::internal, "a process needs a program to run");
  const bool in_path = name.find('/') == std::string_view::npos;
  if (in_path) {
    APHEX_TRY(const auto found, search_path(directory, name, environment));
    // The child has changed its directory by the time it executes.
    std::error_code error;
    const auto absolute = std::filesystem::absolute(found, error);
    return (error ? found : absolute).string();
  }
  const auto from_child = directory.empty() || std::filesystem::path(name).is_absolute()
                              ? std::filesystem::path(name)
                              : directory / name;
  switch (examine(from_child)) {
    case Candidate::executable:
      return std::string(name);
    case Candidate::not_executable:
      return not_executable(from_child);
    case Candidate::missing:
      break;
  }
  return fail(ErrorCode::not_found, "program not found: " + from_child.string());
}

Result<std::filesystem::path> find_program(std::string_view name,
                                           const EnvironmentVariables& environment) {
  APHEX_TRY(std::filesystem::path found, find_program_from({}, name, environment));
  return found;
}

}  // namespace aphex::os
