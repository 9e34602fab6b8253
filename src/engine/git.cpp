#include "engine/git.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/submodule_failure.hpp"

namespace aphex::engine {
namespace {

constexpr std::array<std::string_view, 9> kForeignVariables{
    "GIT_DIR",        "GIT_WORK_TREE",       "GIT_INDEX_FILE",
    "GIT_NAMESPACE",  "GIT_PREFIX",          "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR", "GIT_QUARANTINE_PATH", "GIT_ALTERNATE_OBJECT_DIRECTORIES"};

// git's own last words, without its "fatal: ". They may hold what a host has answered.
std::string complaint(const os::Captured& captured) {
  std::string_view text = trim(captured.err.empty() ? captured.out : captured.err);
  if (const std::size_t at = text.rfind("fatal: "); at != std::string_view::npos) {
    text.remove_prefix(at + 7);
  }
  return text.empty() ? fmt::format("exit code {}", captured.exit.shell_code())
                      : valid_utf8(std::string(text));
}

bool is_there(const std::filesystem::path& path) {
  std::error_code unreadable_is_absent;
  return std::filesystem::exists(path, unreadable_is_absent);
}

bool looks_unreachable(std::string_view text) {
  constexpr std::array<std::string_view, 21> kSigns{
      "Could not resolve host", "Connection refused", "Connection timed out", "early EOF",
      "Connection reset", "Operation timed out", "Operation too slow", "Couldn't connect",
      "Failed to connect", "SSL_ERROR_SYSCALL", "returned error: 5", "returned error: 429",
      // An answer that ends in the middle, or that is not what the server sent.
      "transfer closed", "Empty reply from server", "unexpected disconnect", "hung up unexpectedly",
      "RPC failed", "index-pack failed", "unpack-objects failed", "bad line length", "inflate"};
  return std::any_of(kSigns.begin(), kSigns.end(), [&](std::string_view sign) {
    return text.find(sign) != std::string_view::npos;
  });
}

Error failure(const os::Captured& captured, const std::string& reason) {
  Error error;
  error.code = ErrorCode::io;
  error.message = "git: " + reason;
  if (looks_unreachable(captured.err)) {
    error.code = ErrorCode::unavailable;
    error.retry = Retry::retryable;
  }
  return error;
}

std::vector<std::string> split_nul(std::string_view text) {
  std::vector<std::string> parts = split(text, '\0');
  if (!parts.empty() && parts.back().empty()) parts.pop_back();
  return parts;
}

}  // namespace

Git::Git(os::ProcessRunner& processes, os::EnvironmentVariables environment, os::CancelToken cancel)
    : processes_(processes), environment_(std::move(environment)), cancel_(std::move(cancel)) {
  for (const std::string_view name : kForeignVariables)
    environment_.erase(std::string(name));
  environment_["GIT_TERMINAL_PROMPT"] = "0";
  environment_["LC_ALL"] = "C";
}

Result<os::Captured> Git::capture(std::vector<std::string> arguments) {
  os::ProcessSpec spec;
  spec.argv = {"git"};
  std::move(arguments.begin(), arguments.end(), std::back_inserter(spec.argv));
  spec.environment = environment_;
  APHEX_TRY(os::Captured captured, os::capture(processes_, std::move(spec), cancel_));
  if (captured.exit.how == os::ProcessExit::How::cancelled) {
    return fail(ErrorCode::cancelled, "git: " + cancel_.reason());
  }
  return captured;
}

Result<std::string> Git::run(std::vector<std::string> arguments) {
  APHEX_TRY(os::Captured captured, capture(std::move(arguments)));
  if (captured.exit.shell_code() != 0) return fail(failure(captured, complaint(captured)));
  return std::move(captured.out);
}

Result<std::filesystem::path> Git::top_level(const std::filesystem::path& directory) {
  Result<std::string> out = run({"-C", directory.string(), "rev-parse", "--show-toplevel"});
  if (!out && out.error().message.find("not a git repository") != std::string::npos) {
    return fail(ErrorCode::usage, fmt::format("{} is in no git repository", directory.string()),
                "aphex delivers commits: run it in the repository of the application, or make one "
                "by 'git init' and commit");
  }
  if (!out) return fail(std::move(out.error()));
  return std::filesystem::path(trim(*out));
}

Result<std::string> Git::resolve(const std::filesystem::path& repository,
                                 const std::string& revision) {
  Result<std::string> out = run({"-C", repository.string(), "rev-parse", "--verify", "--quiet",
                                 "--end-of-options", revision + "^{commit}"});
  if (!out) {
    return fail(ErrorCode::usage,
                fmt::format("'{}' names no commit in {}", revision, repository.string()),
                revision == "HEAD" ? "the repository has no commit yet: commit first"
                                   : "'git log' shows the commits that there are");
  }
  return std::string(trim(*out));
}

Result<Git::CommitInfo> Git::commit_info(const std::filesystem::path& repository,
                                         const std::string& sha) {
  APHEX_TRY(const std::string out,
            run({"-C", repository.string(), "show", "--no-patch", "--format=%an <%ae>%n%B", sha}));
  const std::size_t end = out.find('\n');
  return CommitInfo{out.substr(0, end),
                    end == std::string::npos ? "" : std::string(trim(out.substr(end)))};
}

Result<std::int64_t> Git::commit_time(const std::filesystem::path& repository,
                                      const std::string& sha) {
  APHEX_TRY(const std::string out,
            run({"-C", repository.string(), "show", "--no-patch", "--format=%ct", sha}));
  const std::string_view text = trim(out);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::corrupt, fmt::format("git: commit {} has the time '{}'", sha, text));
  }
  return seconds;
}

Result<std::string> Git::branch(const std::filesystem::path& repository) {
  const Result<std::string> out =
      run({"-C", repository.string(), "symbolic-ref", "--quiet", "--short", "HEAD"});
  return out ? std::string(trim(*out)) : std::string();
}

Result<std::string> Git::origin_url(const std::filesystem::path& repository) {
  const Result<std::string> out =
      run({"-C", repository.string(), "config", "--get", "remote.origin.url"});
  return out ? without_credentials(std::string(trim(*out))) : std::string();
}

Result<std::vector<std::string>> Git::changed_paths(const std::filesystem::path& repository,
                                                    std::size_t limit) {
  APHEX_TRY(const std::string out,
            run({"-C", repository.string(), "status", "--porcelain", "--no-renames", "-z"}));
  std::vector<std::string> paths;
  for (const std::string& entry : split_nul(out)) {
    if (paths.size() == limit) break;
    if (entry.size() > 3) paths.push_back(entry.substr(3));
  }
  return paths;
}

Result<std::string> Git::show_file(const std::filesystem::path& repository, const std::string& sha,
                                   const std::string& path) {
  Result<std::string> out = run({"-C", repository.string(), "show", sha + ":" + path});
  if (!out) {
    return fail(ErrorCode::not_found,
                fmt::format("commit {} has no file {}", sha.substr(0, 12), path),
                "'aphex init' writes one for an existing CDK application; commit it");
  }
  return out;
}

Result<std::vector<std::string>> Git::listed_files(const std::filesystem::path& repository) {
  APHEX_TRY(const std::string out, run({"-C", repository.string(), "ls-files", "--cached",
                                        "--others", "--exclude-standard", "--deduplicate", "-z"}));
  return split_nul(out);
}

Status Git::restore(const std::filesystem::path& repository, const std::string& sha) {
  const std::string directory = repository.string();
  const std::vector<std::vector<std::string>> commands{
      {"-C", directory, "reset", "--quiet", "--hard", sha},
      {"-C", directory, "clean", "--quiet", "-ffdx"},
      {"-C", directory, "submodule", "--quiet", "foreach", "--recursive",
       "git reset --quiet --hard && git clean --quiet -ffdx"}};
  const bool submodules = is_there(repository / ".gitmodules");
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (i + 1 == commands.size() && !submodules) break;
    APHEX_TRY([[maybe_unused]] const std::string out, run(commands[i]));
  }
  return {};
}

Result<std::vector<std::string>> Git::tracked_files(const std::filesystem::path& repository) {
  APHEX_TRY(const std::string out, run({"-C", repository.string(), "ls-files", "--cached",
                                        "--recurse-submodules", "--deduplicate", "-z"}));
  return split_nul(out);
}

Result<std::string> Git::branch_head(const std::string& from, const std::string& branch) {
  const std::string ref = "refs/heads/" + branch;
  APHEX_TRY(const std::string listed, run({"ls-remote", "--quiet", "--", from, ref}));
  // "<sha>\t<ref>" a line; a pattern may fit the end of others as well.
  for (const std::string& line : split(listed, '\n')) {
    const std::vector<std::string> words = split(line, '\t');
    if (words.size() == 2 && words[1] == ref) return words[0];
  }
  return fail(ErrorCode::not_found, fmt::format("{} has no branch {}", from, branch));
}

Status Git::fetch_commit(const std::string& from, const std::string& sha,
                         const std::filesystem::path& destination) {
  const std::string directory = destination.string();
  if (is_there(from)) {
    // Objects are linked, not copied: a clone of a large repository takes no time. Not by --local,
    // which makes it an error that another disk takes no link.
    return run({"clone", "--quiet", "--no-checkout", "--", from, directory})
        .map([](const std::string&) {});
  }
  APHEX_TRY([[maybe_unused]] const std::string made, run({"init", "--quiet", "--", directory}));
  APHEX_TRY([[maybe_unused]] const std::string added,
            run({"-C", directory, "remote", "add", "origin", from}));
  // Servers may refuse to serve a bare hash; then the whole history has to come.
  if (run({"-C", directory, "fetch", "--quiet", "--depth=1", "origin", sha})) return {};
  const Result<std::string> whole = run({"-C", directory, "fetch", "--quiet", "--tags", "origin",
                                         "+refs/heads/*:refs/remotes/origin/*"});
  if (whole) return {};
  return fail_because(fmt::format("cannot fetch commit {} of {}", sha, without_credentials(from)),
                      whole.error());
}

Status Git::clone_without_submodules(const std::string& from, const std::string& sha,
                                     const std::filesystem::path& destination) {
  APHEX_CHECK(fetch_commit(from, sha, destination));
  const std::string directory = destination.string();
  const Result<std::string> checkout = run(
      {"-C", directory, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", sha});
  if (!checkout) {
    Error cause = checkout.error();
    // All that the repository has is here.
    if (describe(cause).find("reference is not a tree") != std::string::npos) {
      cause.hint =
          "the repository has no such commit, or no longer: a forced push or the end of its "
          "branch took it away; push what is to be run";
    }
    return fail_because(fmt::format("cannot check out commit {} of {}", sha, from),
                        std::move(cause));
  }
  return {};
}

Result<std::vector<std::string>> Git::remote_branches(const std::string& url) {
  constexpr std::string_view kHeads = "refs/heads/";
  APHEX_TRY(const std::string out, run({"ls-remote", "--heads", "--", url}));
  std::vector<std::string> branches;
  for (const std::string& line : split(out, '\n')) {
    const std::size_t at = line.find(kHeads);
    if (at != std::string::npos) branches.push_back(line.substr(at + kHeads.size()));
  }
  return branches;
}

Status Git::clone_submodules(const std::filesystem::path& destination) {
  if (!is_there(destination / ".gitmodules")) return {};
  APHEX_TRY(const os::Captured captured, capture({"-C", destination.string(), "submodule", "update",
                                                  "--init", "--recursive", "--quiet"}));
  if (captured.exit.shell_code() == 0) return {};
  const std::optional<SubmoduleFailure> failed = submodule_failure(captured.err);
  if (!failed) {
    return fail_because("the submodules cannot be cloned", failure(captured, complaint(captured)));
  }
  const std::filesystem::path path(failed->path);
  const std::string name =
      path.is_absolute() ? path.lexically_relative(destination).string() : path.string();
  const std::string at = failed->url.empty() ? "" : fmt::format(" ({})", failed->url);
  Error error = failure(captured, failed->reason);
  error.hint = failed->url.empty()
                   ? "the submodule's commit must be pushed to the address in .gitmodules"
                   : fmt::format(
                         "'git ls-remote {}' must work where the clone is made, without "
                         "a question; the address stands in .gitmodules",
                         failed->url);
  return fail_because(fmt::format("submodule {}{} cannot be cloned", name, at), std::move(error));
}

Status Git::clone_commit(const std::string& from, const std::string& sha,
                         const std::filesystem::path& destination) {
  APHEX_CHECK(clone_without_submodules(from, sha, destination));
  return clone_submodules(destination);
}

void drop_git_variables(os::EnvironmentVariables& environment) {
  for (const std::string_view name : kForeignVariables)
    environment.erase(std::string(name));
}

std::string without_credentials(std::string url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const std::size_t slash = url.find('/', scheme + 3);
  const std::size_t at = url.rfind('@', slash);
  if (at == std::string::npos || at < scheme) return url;
  return url.erase(scheme + 3, at - scheme - 2);
}

std::string repository_name(const std::string& url_or_path) {
  std::string name = url_or_path;
  while (name.size() > 1 && name.back() == '/')
    name.pop_back();
  name = name.substr(name.find_last_of("/:") + 1);
  if (name.ends_with(".git")) name.resize(name.size() - 4);
  for (char& c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!plain && c != '-' && c != '_' && c != '.') c = '-';
  }
  return name.empty() || name == "." || name == ".." ? "pipeline" : name;
}

}  // namespace aphex::engine
