// `cdk bootstrap` of the sandbox's accounts.
//
// bootstrapped.json: {"version": 1, "done": ["aws://111122223333/us-east-1 hnb659fds 999988887777",
// …]}: environment, qualifier and trusted account of each bootstrap that succeeded. It only says
// whom the roles trust; that they exist is asked of the sandbox itself each time, whose state may
// be younger than this file (a reset by other means) or older (a crash).

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "aws/services.hpp"
#include "base/text.hpp"
#include "config/regions.hpp"
#include "engine/environment_access.hpp"
#include "engine/installation.hpp"
#include "engine/sandbox.hpp"
#include "os/files.hpp"

namespace aphex::engine {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRecordVersion = 1;
// Each is a node process that keeps one core busy.
constexpr std::size_t kParallelBootstraps = 2;
// It takes 2 s on a warm machine.
constexpr std::chrono::milliseconds kBootstrapTimeout{180'000};
constexpr std::size_t kMaxQuotedBytes = 2'000;
constexpr std::string_view kDefaultQualifier = "hnb659fds";

struct Target {
  std::string account;
  std::string region;

  std::string address() const { return "aws://" + account + "/" + region; }
  friend auto operator<=>(const Target&, const Target&) = default;
};

struct Request {
  const SandboxServer& server;
  const std::string& qualifier;
  const SandboxOptions& options;

  std::string key(const Target& target) const {
    return target.address() + " " + qualifier + " " + server.pipeline_account;
  }
};

class FixedCredentials final : public aws::CredentialsProvider {
 public:
  explicit FixedCredentials(AccountKey key) : key_(std::move(key)) {}
  Result<aws::Credentials> get(const os::CancelToken&) override {
    return aws::Credentials{.access_key_id = key_.access_key_id,
                            .secret_access_key = key_.secret_access_key,
                            .session_token = {},
                            .expires_at = {}};
  }
  std::string source() const override { return "the sandbox"; }

 private:
  AccountKey key_;
};

fs::path record_file(const SandboxServer& server) {
  return server.directory / "bootstrapped.json";
}

// A record that does not read is as none: bootstrapping again does no harm.
std::set<std::string> read_record(const SandboxServer& server) {
  std::set<std::string> done;
  const auto text = os::read_file(record_file(server));
  if (!text) return done;
  const auto value = doc::parse_json(*text);
  const doc::Value* version = value ? value->find("version") : nullptr;
  if (version == nullptr || *version != doc::Value(kRecordVersion)) return done;
  const doc::Value* keys = value->find("done");
  if (keys == nullptr || !keys->is_array()) return done;
  for (const doc::Value& key : *keys->as_array()) {
    if (key.is_string()) done.insert(*key.as_string());
  }
  return done;
}

Status add_to_record(const SandboxServer& server, const std::vector<std::string>& keys) {
  std::set<std::string> done = read_record(server);
  done.insert(keys.begin(), keys.end());
  const doc::Value record = doc::Value::object(
      {{"version", kRecordVersion}, {"done", doc::Value::strings({done.begin(), done.end()})}});
  return os::write_file_atomic(record_file(server), doc::to_json(record, 2) + "\n");
}

os::EnvironmentVariables environment_of(const Request& request, const Target& target,
                                        const AccountKey& key) {
  auto environment = sandbox_environment(request.server, request.options.environment);
  environment["AWS_ACCESS_KEY_ID"] = key.access_key_id;
  environment["AWS_SECRET_ACCESS_KEY"] = key.secret_access_key;
  environment["AWS_REGION"] = target.region;
  environment["AWS_DEFAULT_REGION"] = target.region;
  environment["CI"] = "true";
  return environment;
}

Result<bool> is_bootstrapped(const Request& request, const Target& target, const AccountKey& key) {
  const aws::AwsContext context{.http = request.options.http,
                                .credentials = std::make_shared<FixedCredentials>(key),
                                .clock = request.options.clock,
                                .environment = environment_of(request, target, key)};
  const auto version =
      aws::get_parameter(context, target.region, "/cdk-bootstrap/" + request.qualifier + "/version",
                         request.options.cancel);
  if (version) return true;
  if (version.error().code == ErrorCode::not_found) return false;
  return fail_because("cannot see whether " + target.address() + " is bootstrapped",
                      version.error());
}

std::vector<std::string> bootstrap_arguments(const Request& request, const Target& target,
                                             const fs::path& cdk) {
  std::vector<std::string> argv = {
      cdk.string(),
      "bootstrap",
      target.address(),
      "--trust",
      request.server.pipeline_account,
      "--cloudformation-execution-policies",
      "arn:" + std::string(config::partition_of(target.region)) + ":iam::aws:policy/AdministratorAccess",
      "--no-notices"};
  if (request.qualifier != kDefaultQualifier) {
    // Two qualifiers in one account need two stacks; a stack's name has no underscores.
    argv.insert(argv.end(), {"--qualifier", request.qualifier, "--toolkit-stack-name",
                             "CDKToolkit-" + replace_all(request.qualifier, "_", "-")});
  }
  return argv;
}

Status bootstrap(const Request& request, const Target& target, const AccountKey& key) {
  const SandboxOptions& options = request.options;
  APHEX_TRY(const fs::path cdk, find_own_cdk(options.environment));
  if (options.on_progress) options.on_progress("bootstrapping " + target.address());
  os::ProcessSpec spec;
  spec.argv = bootstrap_arguments(request, target, cdk);
  spec.working_directory = request.server.directory / "empty";
  spec.environment = environment_of(request, target, key);
  spec.timeout = kBootstrapTimeout;
  APHEX_TRY(const os::Captured done, os::capture(*options.processes, spec, options.cancel));
  if (done.exit.how == os::ProcessExit::How::cancelled) {
    return fail(ErrorCode::cancelled, "cancelled while bootstrapping " + target.address());
  }
  if (done.exit.shell_code() == 0) return {};
  const std::string_view said = trim(done.err.empty() ? done.out : done.err);
  return fail(ErrorCode::unavailable,
              "cdk bootstrap " + target.address() + " failed in the sandbox with " +
                  std::to_string(done.exit.shell_code()) + "; it said:\n" +
                  std::string(said.substr(said.size() - std::min(said.size(), kMaxQuotedBytes))),
              "aphex sandbox reset starts with an empty one");
}

// The key for the record where there was something to do.
Result<std::optional<std::string>> ensure(const Request& request, const Target& target,
                                          const std::set<std::string>& recorded) {
  APHEX_TRY(const AccountKey key, sandbox_account(request.server, target.account, request.options));
  APHEX_TRY(const bool there, is_bootstrapped(request, target, key));
  if (there && recorded.contains(request.key(target))) return std::nullopt;
  APHEX_CHECK(bootstrap(request, target, key));
  return request.key(target);
}

// What the workers share; the mutex owns it.
class Outcomes {
 public:
  void add(Result<std::optional<std::string>> outcome) {
    const std::lock_guard guard(mutex_);
    if (!outcome) {
      if (!error_) error_ = std::move(outcome.error());
    } else if (*outcome) {
      done_.push_back(std::move(**outcome));
    }
  }
  bool failed() const {
    const std::lock_guard guard(mutex_);
    return error_.has_value();
  }
  // After the workers have ended.
  const std::vector<std::string>& done() const { return done_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> done_;
  std::optional<Error> error_;  // the first
};

void ensure_all(const Request& request, const std::vector<Target>& targets, Outcomes& outcomes) {
  const std::set<std::string> recorded = read_record(request.server);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t at = next++; at < targets.size() && !outcomes.failed(); at = next++) {
      outcomes.add(ensure(request, targets[at], recorded));
    }
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 1; i < std::min(kParallelBootstraps, targets.size()); ++i) {
    workers.emplace_back(work);
  }
  work();
}

constexpr std::chrono::milliseconds kLockPoll{100};

Result<os::FileLock> wait_for_bootstrap(const SandboxServer& server,
                                        const SandboxOptions& options) {
  while (!options.cancel.cancelled()) {
    APHEX_TRY(std::optional<os::FileLock> lock,
              os::FileLock::try_acquire(server.directory / "bootstrap.lock"));
    if (lock) return std::move(*lock);
    (void)options.clock->sleep(kLockPoll, options.cancel);
  }
  return fail(ErrorCode::cancelled, options.cancel.reason());
}

}  // namespace

Status bootstrap_accounts(const SandboxServer& server,
                          const std::vector<plan::Environment>& environments,
                          const std::string& qualifier, const SandboxOptions& options) {
  std::set<Target> distinct;
  for (const plan::Environment& environment : environments) {
    distinct.insert({environment.account, environment.region});
  }
  APHEX_CHECK(os::make_directories(server.directory / "empty"));
  // Two processes that bootstrap one account at once would spoil each other's change set.
  APHEX_TRY(const os::FileLock lock, wait_for_bootstrap(server, options));
  const Request request{.server = server, .qualifier = qualifier, .options = options};
  Outcomes outcomes;
  ensure_all(request, {distinct.begin(), distinct.end()}, outcomes);
  if (!outcomes.done().empty()) APHEX_CHECK(add_to_record(server, outcomes.done()));
  if (outcomes.error()) return fail(*outcomes.error());
  return {};
}

}  // namespace aphex::engine
