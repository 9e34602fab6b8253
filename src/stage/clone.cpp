#include "stage/clone.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <span>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/clone_report.hpp"
#include "engine/git.hpp"
#include "engine/secret_masker.hpp"
#include "engine/step_runner.hpp"
#include "os/files.hpp"
#include "stage/github_token.hpp"

namespace aphex::stage {
namespace {

// GitHub's pauses are short; a longer one is Argo's to bridge, with another pod.
constexpr int kAttempts = 4;
// git gives up a transfer that is slower than 1 KB/s for a minute.
constexpr std::string_view kLowSpeedBytes = "1000";
constexpr std::string_view kLowSpeedSeconds = "60";

constexpr std::array<std::string_view, 5> kSchemes{"https://", "http://", "ssh://", "git://",
                                                   "file://"};

// git takes what begins with '-' for an option, and "ext::…" for a command.
Status check_address(const std::string& url) {
  const bool known = std::any_of(kSchemes.begin(), kSchemes.end(),
                                 [&](std::string_view scheme) { return url.starts_with(scheme); });
  const bool control = std::any_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
  });
  if (known && !control) return {};
  return fail(ErrorCode::usage, fmt::format("'{}' is no address of a git repository", url),
              "the workflow's parameter repositoryUrl begins with https://");
}

using Signs = std::span<const std::string_view>;

bool has_one_of(Signs signs, std::string_view text) {
  return std::any_of(signs.begin(), signs.end(), [&](std::string_view sign) {
    return text.find(sign) != std::string_view::npos;
  });
}

// What git and ssh say where an address with SSH is not for them.
constexpr std::array<std::string_view, 4> kSshSigns{
    "cannot run ssh", "Host key verification failed", "Permission denied (publickey",
    "Could not read from remote repository"};

bool refused(std::string_view text) {
  constexpr std::array<std::string_view, 6> kSigns{"Authentication failed",
                                                   "could not read Username",
                                                   "Repository not found",
                                                   "/' not found",
                                                   "error: 403",
                                                   "error: 401"};
  return has_one_of(kSigns, text);
}

enum class Token { given, none };

Error explain_repository(Error error, const Pod& pod, Token token) {
  if (!refused(describe(error))) return error;
  error.code = ErrorCode::permission;
  error.hint = token == Token::given
                   ? fmt::format(
                         "the GitHub token must be able to read the contents of {}; it is sent to "
                         "no other repository, submodules included",
                         pod.repository)
                   : fmt::format(
                         "{} is private or does not exist: give the pipeline a GitHub token "
                         "(pipeline.github.tokenSecret), or correct the address",
                         pod.parameters.repository_url);
  return error;
}

Error explain_submodule(Error error, const Pod& pod, Token token) {
  const std::string words = describe(error);
  const bool ssh = has_one_of(kSshSigns, words);
  if (!ssh && !refused(words)) return error;
  error.code = ErrorCode::permission;
  if (ssh) {
    error.hint =
        "pods have no SSH key: give the submodule an https:// address in .gitmodules, which must "
        "be readable without credentials";
    return error;
  }
  const std::string why =
      token == Token::given
          ? fmt::format("the GitHub token is sent to {} alone, so its submodules", pod.repository)
          : std::string("submodules");
  error.hint = fmt::format(
      "{} must be readable without credentials: make the submodule public, or set 'update = none' "
      "for it in .gitmodules and fetch it in a build command with credentials of its own",
      why);
  return error;
}

double random_unit() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
}

// Of a git server that does not answer, or not to the end, however often it is asked.
Error explain_network(Error error, const Pod& pod) {
  if (error.code != ErrorCode::unavailable || !error.hint.empty()) return error;
  error.hint = fmt::format(
      "{} cannot be read at the moment: check that pods can reach it (a network policy, a proxy), "
      "or try again in some minutes",
      engine::without_credentials(pod.parameters.repository_url));
  return error;
}

Status clone_once(engine::Git& git, const Pod& pod, const Layout& layout, Token token) {
  // It comes to stand in .git/config.
  const std::string address = engine::without_credentials(pod.parameters.repository_url);
  Status done = git.clone_without_submodules(address, pod.parameters.commit_sha, layout.source());
  if (!done) return fail(explain_repository(std::move(done.error()), pod, token));
  done = git.clone_submodules(layout.source());
  if (!done) return fail(explain_submodule(std::move(done.error()), pod, token));
  return {};
}

Status clone_until_done(const CloneParts& parts, const Pod& pod, const Layout& layout, Token token,
                        const os::CancelToken& cancel) {
  os::EnvironmentVariables environment = parts.environment;
  use_credential_helper(environment, parts.program);
  environment["GIT_HTTP_LOW_SPEED_LIMIT"] = kLowSpeedBytes;
  environment["GIT_HTTP_LOW_SPEED_TIME"] = kLowSpeedSeconds;
  environment["HOME"] = layout.home().string();
  engine::Git git(parts.processes, environment, cancel);
  for (int attempt = 1;; ++attempt) {
    APHEX_CHECK(os::remove_tree(layout.source()));
    APHEX_CHECK(os::make_directories(layout.source()));
    Status cloned = clone_once(git, pod, layout, token);
    if (cloned) return {};
    if (cloned.error().code != ErrorCode::unavailable || attempt == kAttempts) {
      return fail(explain_network(std::move(cloned.error()), pod));
    }
    const auto delay = engine::backoff_delay(attempt, random_unit());
    parts.say(
        fmt::format("attempt {} of {} failed: {}", attempt, kAttempts, describe(cloned.error())));
    if (parts.clock.sleep(delay, cancel) == os::Clock::Wake::cancelled) {
      return fail(ErrorCode::cancelled, "the clone was cancelled: " + cancel.reason());
    }
  }
}

Status clone_checked(const CloneParts& parts, const Pod& pod, const Layout& layout, Token token,
                     const os::CancelToken& cancel) {
  APHEX_CHECK(check_address(pod.parameters.repository_url));
  APHEX_CHECK(os::make_directories(layout.home()));
  return clone_until_done(parts, pod, layout, token, cancel);
}

}  // namespace

Status clone_for_stage(const CloneParts& parts, const Layout& layout,
                       const os::CancelToken& cancel) {
  const std::string token = read_token(parts.environment);
  engine::SecretMasker secrets;
  if (!token.empty()) secrets.add(token);
  CloneParts masked = parts;
  masked.say = [&](std::string_view line) { parts.say(secrets.mask(line)); };

  engine::CloneReport report;
  const Result<Pod> pod = read_pod(parts.environment, Container::clone);
  if (!pod) {
    report.error = pod.error();
  } else {
    report.commit_sha = pod->parameters.commit_sha;
    const std::string url = engine::without_credentials(pod->parameters.repository_url);
    masked.say(fmt::format("cloning {} of {}", report.commit_sha, url));
    Status cloned =
        clone_checked(masked, *pod, layout, token.empty() ? Token::none : Token::given, cancel);
    if (!cloned) report.error = secrets.mask(std::move(cloned.error()));
  }
  masked.say(report.error ? "failed: " + describe(*report.error) : "cloned");
  return engine::write_clone_report(layout.clone_report(), report);
}

}  // namespace aphex::stage
