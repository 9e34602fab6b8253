#pragma once
// The git program: what aphex asks of a repository. Nothing here changes one.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "os/process.hpp"

namespace aphex::engine {

class Git {
 public:
  // Variables that would point git at another repository (GIT_DIR, …) are dropped from
  // `environment`, and it never asks for a password.
  Git(os::ProcessRunner& processes, os::EnvironmentVariables environment, os::CancelToken cancel);

  // The top of the working tree that holds `directory`.
  Result<std::filesystem::path> top_level(const std::filesystem::path& directory);
  // A revision as 40 digits.
  Result<std::string> resolve(const std::filesystem::path& repository, const std::string& revision);
  struct CommitInfo {
    std::string author;  // Name <address>
    std::string message;
  };
  Result<CommitInfo> commit_info(const std::filesystem::path& repository, const std::string& sha);
  // When it was committed, in seconds since 1970.
  Result<std::int64_t> commit_time(const std::filesystem::path& repository, const std::string& sha);
  // The checked-out branch; empty for a detached head.
  Result<std::string> branch(const std::filesystem::path& repository);
  // remote.origin.url without user and password; empty where there is none.
  Result<std::string> origin_url(const std::filesystem::path& repository);
  // `git status --porcelain`: paths changed or untracked, at most `limit`.
  Result<std::vector<std::string>> changed_paths(const std::filesystem::path& repository,
                                                 std::size_t limit);
  // A file's text at a commit; not_found.
  Result<std::string> show_file(const std::filesystem::path& repository, const std::string& sha,
                                const std::string& path);
  // Every path of the working tree that git would not ignore, tracked or not.
  Result<std::vector<std::string>> listed_files(const std::filesystem::path& repository);
  // Brings a working copy, submodules included, to what `sha` holds and nothing else, with what is
  // in the repository already.
  Status restore(const std::filesystem::path& repository, const std::string& sha);
  // Paths that the commit holds, those of submodules included.
  Result<std::vector<std::string>> tracked_files(const std::filesystem::path& repository);
  // The newest commit of a branch of the repository at an address or path; not_found.
  Result<std::string> branch_head(const std::string& from, const std::string& branch);
  // A new working copy of exactly `sha` in `destination`; its submodules are empty.
  Status clone_without_submodules(const std::string& from, const std::string& sha,
                                  const std::filesystem::path& destination);
  // The branches of a repository elsewhere.
  Result<std::vector<std::string>> remote_branches(const std::string& url);
  // Its submodules, and theirs. The error names the one that failed and git's reason.
  Status clone_submodules(const std::filesystem::path& destination);
  // Both.
  Status clone_commit(const std::string& from, const std::string& sha,
                      const std::filesystem::path& destination);

 private:
  // With whatever exit code; an Error only where git did not run to its end.
  Result<os::Captured> capture(std::vector<std::string> arguments);
  Result<std::string> run(std::vector<std::string> arguments);
  Status fetch_commit(const std::string& from, const std::string& sha,
                      const std::filesystem::path& destination);

  os::ProcessRunner& processes_;
  os::EnvironmentVariables environment_;
  os::CancelToken cancel_;
};

// Variables by which git would work on another repository than the one it stands in: set where
// aphex is started from a git hook.
void drop_git_variables(os::EnvironmentVariables& environment);

// https://user:password@host/… without what stands before the '@'.
std::string without_credentials(std::string url);

// "archon-agent" for "https://github.com/acme/archon-agent.git" or "/home/me/archon-agent".
std::string repository_name(const std::string& url_or_path);

}  // namespace aphex::engine
