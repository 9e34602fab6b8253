// `cdk bootstrap` of the sandbox's accounts.
//
// Several pipelines share the accounts of one sandbox, each with a pipeline account of its own.
// --trust replaces whom the roles of a bootstrap trust, so that each bootstrap names again whom
// they trust already. What is there is asked of the sandbox itself each time: no record can go
// wrong.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "aws/query.hpp"
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

  AccessTarget access(const Target& target) const {
    return {.name = {}, .account = target.account, .region = target.region, .qualifier = qualifier};
  }
};

struct Bootstrap {
  Target target;
  fs::path cdk;
  std::set<std::string> trusted;
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

aws::AwsContext context_of(const Request& request, const Target& target, const AccountKey& key) {
  return {.http = request.options.http,
          .credentials = std::make_shared<FixedCredentials>(key),
          .clock = request.options.clock,
          .environment = environment_of(request, target, key)};
}

Result<bool> is_bootstrapped(const Request& request, const Target& target,
                             const aws::AwsContext& context) {
  const auto version = aws::get_parameter(context, target.region,
                                          bootstrap_version_parameter(request.access(target)),
                                          request.options.cancel);
  if (version) return true;
  if (version.error().code == ErrorCode::not_found) return false;
  return fail_because("cannot see whether " + target.address() + " is bootstrapped",
                      version.error());
}

// The accounts that a role's trust policy lets in.
std::set<std::string> accounts_of_policy(const doc::Value& policy) {
  constexpr std::string_view kRoot = ":root";
  std::set<std::string> accounts;
  const auto add = [&](const doc::Value& principal) {
    if (!principal.is_string()) return;
    // "111122223333" or "arn:aws:iam::111122223333:root"
    std::string_view text = *principal.as_string();
    if (text.ends_with(kRoot)) text.remove_suffix(kRoot.size());
    accounts.emplace(text.substr(text.rfind(':') + 1));
  };
  const doc::Value* statements = policy.find("Statement");
  if (statements == nullptr || !statements->is_array()) return accounts;
  for (const doc::Value& statement : *statements->as_array()) {
    const doc::Value* principal = statement.find("Principal");
    const doc::Value* of_aws = principal == nullptr ? nullptr : principal->find("AWS");
    if (of_aws == nullptr || statement.string_or("Effect", "") != "Allow") continue;
    if (!of_aws->is_array()) {
      add(*of_aws);
      continue;
    }
    for (const doc::Value& each : *of_aws->as_array())
      add(each);
  }
  return accounts;
}

// Nobody where there is no bootstrap. IAM is asked at the sandbox's one endpoint.
Result<std::set<std::string>> trusted_accounts(const Request& request, const Target& target,
                                               const aws::AwsContext& context) {
  const std::string arn = deploy_role_arn(request.access(target));
  const std::string role = arn.substr(arn.rfind('/') + 1);
  const aws::QueryCall query{
      .title = "IAM GetRole",
      .subject = role,
      .service = "iam",
      .region = target.region,
      .parameters = {{"Action", "GetRole"}, {"Version", "2010-05-08"}, {"RoleName", role}}};
  const auto answer = aws::call_query(context, query, request.options.cancel);
  if (!answer && answer.error().code == ErrorCode::not_found) return std::set<std::string>();
  const std::string failure = "cannot see whom " + target.address() + " trusts";
  if (!answer) return fail_because(failure, answer.error());
  const aws::XmlElement* found = answer->find({"GetRoleResult", "Role"});
  const std::string text = found == nullptr ? "" : found->text_of("AssumeRolePolicyDocument");
  auto policy = doc::parse_json(aws::uri_decode(text));
  if (!policy) return fail_because(failure, std::move(policy.error()));
  return accounts_of_policy(*policy);
}

std::vector<std::string> bootstrap_arguments(const Request& request, const Bootstrap& bootstrap) {
  const Target& target = bootstrap.target;
  std::vector<std::string> argv = {bootstrap.cdk.string(), "bootstrap", target.address()};
  for (const std::string& account : bootstrap.trusted)
    argv.insert(argv.end(), {"--trust", account});
  argv.insert(argv.end(), {"--cloudformation-execution-policies",
                           "arn:" + std::string(config::partition_of(target.region)) +
                               ":iam::aws:policy/AdministratorAccess",
                           "--no-notices"});
  if (request.qualifier != kDefaultQualifier) {
    // Two qualifiers in one account need two stacks; a stack's name has no underscores.
    argv.insert(argv.end(), {"--qualifier", request.qualifier, "--toolkit-stack-name",
                             "CDKToolkit-" + replace_all(request.qualifier, "_", "-")});
  }
  return argv;
}

Status run_bootstrap(const Request& request, const Bootstrap& bootstrap, const AccountKey& key) {
  const SandboxOptions& options = request.options;
  const Target& target = bootstrap.target;
  if (options.on_progress) options.on_progress("bootstrapping " + target.address());
  os::ProcessSpec spec;
  spec.argv = bootstrap_arguments(request, bootstrap);
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

Status ensure(const Request& request, const Target& target) {
  const SandboxOptions& options = request.options;
  APHEX_TRY(const AccountKey key, sandbox_account(request.server, target.account, options));
  const aws::AwsContext context = context_of(request, target, key);
  APHEX_TRY(const bool there, is_bootstrapped(request, target, context));
  APHEX_TRY(std::set<std::string> trusted, trusted_accounts(request, target, context));
  const std::string& pipeline = request.server.pipeline_account;
  if (there && trusted.contains(pipeline)) return {};
  // An account trusts itself without being told.
  trusted.erase(target.account);
  trusted.insert(pipeline);
  APHEX_TRY(const fs::path cdk, find_bootstrap_cdk(options.environment, options.application));
  return run_bootstrap(request, {target, cdk, std::move(trusted)}, key);
}

// The first error of several workers; the mutex owns it.
class FirstError {
 public:
  void add(const Status& outcome) {
    const std::lock_guard guard(mutex_);
    if (!outcome && !error_) error_ = outcome.error();
  }
  bool is_there() const {
    const std::lock_guard guard(mutex_);
    return error_.has_value();
  }
  // After the workers have ended.
  Status status() const { return error_ ? Status(fail(*error_)) : Status(); }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
};

Status ensure_all(const Request& request, const std::vector<Target>& targets) {
  FirstError error;
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t at = next++; at < targets.size() && !error.is_there(); at = next++) {
      error.add(ensure(request, targets[at]));
    }
  };
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 1; i < std::min(kParallelBootstraps, targets.size()); ++i) {
      workers.emplace_back(work);
    }
    work();
  }
  return error.status();
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
  return ensure_all(request, {distinct.begin(), distinct.end()});
}

}  // namespace aphex::engine
