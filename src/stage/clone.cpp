#include "stage/clone.hpp"

#include <algorithm>
#include <array>
#include <random>

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

bool refused(std::string_view text) {
  constexpr std::array<std::string_view, 5> kSigns{
      "Authentication failed", "could not read Username", "Repository not found", "error: 403",
      "error: 401"};
  return std::any_of(kSigns.begin(), kSigns.end(), [&](std::string_view sign) {
    return text.find(sign) != std::string_view::npos;
  });
}

Error explain(Error error, const Pod& pod, bool has_token) {
  if (!refused(describe(error))) return error;
  error.code = ErrorCode::permission;
  error.hint = has_token
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

double random_unit() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
}

Status clone_until_done(const CloneParts& parts, const Pod& pod, const Layout& layout,
                        const os::CancelToken& cancel) {
  os::EnvironmentVariables environment = parts.environment;
  use_credential_helper(environment, parts.program);
  environment["GIT_HTTP_LOW_SPEED_LIMIT"] = kLowSpeedBytes;
  environment["GIT_HTTP_LOW_SPEED_TIME"] = kLowSpeedSeconds;
  environment["HOME"] = layout.home().string();
  engine::Git git(parts.processes, environment, cancel);
  // It comes to stand in .git/config.
  const std::string address = engine::without_credentials(pod.parameters.repository_url);
  for (int attempt = 1;; ++attempt) {
    APHEX_CHECK(os::remove_tree(layout.source()));
    APHEX_CHECK(os::make_directories(layout.source()));
    Status cloned = git.clone_commit(address, pod.parameters.commit_sha, layout.source());
    if (cloned) return {};
    if (cloned.error().code != ErrorCode::unavailable || attempt == kAttempts) return cloned;
    const auto delay = engine::backoff_delay(attempt, random_unit());
    parts.say(
        fmt::format("attempt {} of {} failed: {}", attempt, kAttempts, describe(cloned.error())));
    if (parts.clock.sleep(delay, cancel) == os::Clock::Wake::cancelled) {
      return fail(ErrorCode::cancelled, "the clone was cancelled: " + cancel.reason());
    }
  }
}

Status clone_checked(const CloneParts& parts, const Pod& pod, const Layout& layout,
                     const os::CancelToken& cancel) {
  APHEX_CHECK(check_address(pod.parameters.repository_url));
  APHEX_CHECK(os::make_directories(layout.home()));
  return clone_until_done(parts, pod, layout, cancel);
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
    Status cloned = clone_checked(masked, *pod, layout, cancel);
    if (!cloned) {
      report.error = secrets.mask(explain(std::move(cloned.error()), *pod, !token.empty()));
    }
  }
  masked.say(report.error ? "failed: " + describe(*report.error) : "cloned");
  return engine::write_clone_report(layout.clone_report(), report);
}

}  // namespace aphex::stage
