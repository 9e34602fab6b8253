// The default chain: which source applies is decided once, from the environment and the shared
// files; what it hands out is fetched when it is first asked.

#include "aws/credentials.hpp"

#include <charconv>
#include <set>

#include "aws/local_credentials.hpp"
#include "aws/profile_file.hpp"
#include "aws/refreshing.hpp"
#include "aws/sts_credentials.hpp"
#include "base/text.hpp"

namespace aphex::aws {
namespace {

constexpr std::size_t kMaxProfileChain = 10;  // source_profile of source_profile of …
constexpr std::string_view kFallbackRegion = "us-east-1";  // of STS, where no region is set

class StaticProvider final : public CredentialsProvider {
 public:
  StaticProvider(std::string source, Credentials credentials)
      : source_(std::move(source)), credentials_(std::move(credentials)) {}
  Result<Credentials> get(const os::CancelToken&) override { return credentials_; }
  std::string source() const override { return source_; }

 private:
  const std::string source_;
  const Credentials credentials_;
};

// For a configuration that cannot work: says so whenever it is asked.
class FailingProvider final : public CredentialsProvider {
 public:
  FailingProvider(std::string source, Error error)
      : source_(std::move(source)), error_(std::move(error)) {}
  Result<Credentials> get(const os::CancelToken&) override { return fail(error_); }
  std::string source() const override { return source_; }

 private:
  const std::string source_;
  const Error error_;
};

// A program that hands out what it once kept would be refused by the service, in other words.
Result<Credentials> unexpired(Result<Credentials> answered, const CredentialProcess& process,
                              os::WallTime now) {
  if (!answered || !answered->expires_at || *answered->expires_at > now) return answered;
  return fail(ErrorCode::permission,
              "the session has expired: credential_process of profile " + process.profile +
                  " answered credentials that ended at " + os::format_time(*answered->expires_at),
              "sign in again, so that its command answers newer ones");
}

using Provider = std::shared_ptr<CredentialsProvider>;

class ChainBuilder {
 public:
  ChainBuilder(AwsContext base, std::shared_ptr<os::ProcessRunner> processes)
      : base_(std::move(base)), processes_(std::move(processes)) {}

  Provider build() {
    if (Provider found = from_environment()) return found;
    if (Provider found = from_web_identity()) return found;
    if (Provider found = from_shared_files()) return found;
    if (has_container_credentials(base_.environment)) return container();
    return last_resort();
  }

 private:
  std::string variable(const std::string& name) const {
    const auto at = base_.environment.find(name);
    return at == base_.environment.end() ? std::string() : at->second;
  }

  static Provider failing(std::string source, tl::unexpected<Error> error) {
    return std::make_shared<FailingProvider>(std::move(source), std::move(error.value()));
  }

  Provider refreshing(std::string source, RefreshingProvider::Fetch fetch) const {
    return std::make_shared<RefreshingProvider>(std::move(source), base_.clock, std::move(fetch));
  }

  std::string sts_region(const ProfileSettings* profile) const {
    std::string region = configured_region(base_.environment);
    if (region.empty() && profile != nullptr) region = setting(*profile, "region");
    return region.empty() ? std::string(kFallbackRegion) : region;
  }

  static std::string setting(const ProfileSettings& profile, const std::string& key) {
    const auto at = profile.find(key);
    return at == profile.end() ? std::string() : at->second;
  }

  Provider from_environment() {
    const std::string source = "environment variables";
    const std::string id = variable("AWS_ACCESS_KEY_ID");
    const std::string secret = variable("AWS_SECRET_ACCESS_KEY");
    if (id.empty() && secret.empty()) return nullptr;
    if (id.empty() || secret.empty()) {
      const std::string there = id.empty() ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID";
      const std::string missing = id.empty() ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY";
      return failing(source, fail(ErrorCode::permission, there + " is set without " + missing,
                                  "set both, or neither"));
    }
    return std::make_shared<StaticProvider>(
        source, Credentials{.access_key_id = id,
                            .secret_access_key = secret,
                            .session_token = variable("AWS_SESSION_TOKEN"),
                            .expires_at = {}});
  }

  Provider web_identity(WebIdentity identity, std::string source) const {
    return refreshing(std::move(source), [base = base_, identity = std::move(identity)](
                                             const os::CancelToken& cancel) {
      return assume_role_with_web_identity(base, identity, cancel);
    });
  }

  Provider from_web_identity() {
    const std::string file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    const std::string role = variable("AWS_ROLE_ARN");
    if (file.empty()) return nullptr;
    const std::string source = "web identity, role " + role;
    if (role.empty()) {
      return failing(
          "web identity",
          fail(ErrorCode::permission, "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN"));
    }
    const std::string session = variable("AWS_ROLE_SESSION_NAME");
    return web_identity(WebIdentity{.role_arn = role,
                                    .session_name = session.empty() ? "aphex" : session,
                                    .region = sts_region(nullptr),
                                    .token_file = file},
                        source);
  }

  Provider from_shared_files() {
    std::string profile = variable("AWS_PROFILE");
    const bool asked_for = !profile.empty();
    if (!asked_for) profile = "default";
    auto config = load_shared_config(base_.environment);
    if (!config) return failing("profile " + profile, fail(std::move(config.error())));
    config_ = std::move(*config);
    if (!asked_for && config_.find(profile) == nullptr) {
      tried_.push_back("no profile default in " + config_.files);
      return nullptr;
    }
    Provider found = from_profile(profile);
    // A default profile often holds a region only; a profile that was asked for must do.
    if (found == nullptr && asked_for) {
      return failing("profile " + profile,
                     fail(ErrorCode::permission,
                          "profile " + profile + " in " + config_.files + " holds no credentials"));
    }
    if (found == nullptr) tried_.push_back("no credentials in profile default");
    return found;
  }

  static Provider static_keys(const std::string& name, const ProfileSettings& profile) {
    const std::string source = "profile " + name;
    Credentials keys{.access_key_id = setting(profile, "aws_access_key_id"),
                     .secret_access_key = setting(profile, "aws_secret_access_key"),
                     .session_token = setting(profile, "aws_session_token"),
                     .expires_at = {}};
    if (keys.access_key_id.empty()) return nullptr;
    if (keys.secret_access_key.empty()) {
      return failing(source, fail(ErrorCode::permission, "profile " + name +
                                                             " has aws_access_key_id without "
                                                             "aws_secret_access_key"));
    }
    return std::make_shared<StaticProvider>(source, std::move(keys));
  }

  // Null where the profile holds nothing of the kind.
  Provider from_profile(const std::string& name) {
    const std::string source = "profile " + name;
    const ProfileSettings* profile = config_.find(name);
    if (profile == nullptr) {
      const auto near = closest_match(name, config_.names());
      return failing(
          source, fail(ErrorCode::not_found, "there is no profile " + name + " in " + config_.files,
                       near ? "did you mean " + *near + "?" : ""));
    }
    const bool again = !visited_.insert(name).second;
    // A profile may name itself as the source of its role: then its own keys are meant.
    if (!again && !setting(*profile, "role_arn").empty()) return from_role(name, *profile);
    if (Provider keys = static_keys(name, *profile)) return keys;
    if (again || visited_.size() > kMaxProfileChain) {
      return failing(source, fail(ErrorCode::permission,
                                  "the source_profile of profile " + name + " leads back to it"));
    }
    if (const std::string command = setting(*profile, "credential_process"); !command.empty()) {
      return refreshing(
          "credential_process of " + source,
          [processes = processes_, environment = base_.environment, clock = base_.clock,
           process = CredentialProcess{.command = command, .profile = name}](
              const os::CancelToken& cancel) {
            return unexpired(run_credential_process(*processes, process, environment, cancel),
                             process, clock->now());
          });
    }
    const bool sso = !setting(*profile, "sso_session").empty() ||
                     !setting(*profile, "sso_start_url").empty() ||
                     !setting(*profile, "login_session").empty();
    if (!sso) return nullptr;
    return failing(source,
                   fail(ErrorCode::unsupported,
                        "profile " + name + " signs in through a browser (IAM Identity Center)",
                        "let the AWS CLI hand them over: a second profile with "
                        "`credential_process = aws configure export-credentials --profile " +
                            name + "`"));
  }

  Provider from_role(const std::string& name, const ProfileSettings& profile) {
    const std::string source = "profile " + name;
    const std::string role_arn = setting(profile, "role_arn");
    std::string session = setting(profile, "role_session_name");
    if (session.empty()) session = "aphex";
    if (!setting(profile, "mfa_serial").empty()) {
      return failing(source, fail(ErrorCode::unsupported,
                                  "profile " + name + " asks for a one-time code (mfa_serial)",
                                  "use a session that the AWS CLI has opened: `aws configure "
                                  "export-credentials`"));
    }
    if (const std::string file = setting(profile, "web_identity_token_file"); !file.empty()) {
      return web_identity(WebIdentity{.role_arn = role_arn,
                                      .session_name = session,
                                      .region = sts_region(&profile),
                                      .token_file = file},
                          source);
    }
    const std::string source_profile = setting(profile, "source_profile");
    Provider first = source_profile.empty()
                         ? from_credential_source(name, setting(profile, "credential_source"))
                         : from_profile(source_profile);
    if (first == nullptr) {
      return failing(source, fail(ErrorCode::permission, "profile " + source_profile +
                                                             ", the source of profile " + name +
                                                             ", holds no credentials"));
    }
    AwsContext context = base_;
    context.credentials = std::move(first);
    AssumeRole role{.role_arn = role_arn, .session_name = session, .region = sts_region(&profile)};
    role.external_id = setting(profile, "external_id");
    role.duration = duration_of(profile);
    return make_role_credentials(context, std::move(role));
  }

  static std::chrono::seconds duration_of(const ProfileSettings& profile) {
    constexpr int kLeast = 900;  // STS's own bounds
    constexpr int kMost = 43'200;
    const std::string text = setting(profile, "duration_seconds");
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return std::chrono::seconds(whole && value >= kLeast && value <= kMost ? value : 3'600);
  }

  Provider from_credential_source(const std::string& name, const std::string& kind) {
    if (kind == "Environment") {
      if (Provider found = from_environment()) return found;
      return failing("profile " + name,
                     fail(ErrorCode::permission,
                          "profile " + name + " wants AWS_ACCESS_KEY_ID, which is not set"));
    }
    if (kind == "EcsContainer") return container();
    if (kind == "Ec2InstanceMetadata") return instance();
    return failing("profile " + name,
                   fail(ErrorCode::permission, "profile " + name +
                                                   " has a role_arn, but no source_profile and no "
                                                   "credential_source that aphex knows"));
  }

  Provider container() const {
    return refreshing("container credentials", [base = base_](const os::CancelToken& cancel) {
      return fetch_container_credentials(base, cancel);
    });
  }

  Provider instance() const {
    return refreshing("instance metadata", [base = base_](const os::CancelToken& cancel) {
      return fetch_instance_credentials(base, cancel);
    });
  }

  Error nothing_found(const std::string& about_metadata) const {
    return Error{.code = ErrorCode::permission,
                 .message =
                     "no AWS credentials: AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and "
                     "AWS_CONTAINER_CREDENTIALS_* are not set; " +
                     join(tried_, "; ") + (tried_.empty() ? "" : "; ") + about_metadata,
                 .hint =
                     "sign in, then set AWS_PROFILE; or set AWS_ACCESS_KEY_ID and "
                     "AWS_SECRET_ACCESS_KEY",
                 .retry = Retry::terminal,
                 .exit_code = 0,
                 .cause = nullptr};
  }

  Provider last_resort() {
    if (!may_ask_instance_metadata(base_.environment)) {
      return std::make_shared<FailingProvider>("nothing",
                                               nothing_found("instance metadata is disabled"));
    }
    // A machine without a role answers 404, a container's host may refuse: both have no
    // credentials.
    return refreshing(
        "instance metadata",
        [base = base_, chain = *this](const os::CancelToken& cancel) -> Result<Credentials> {
          auto found = fetch_instance_credentials(base, cancel);
          if (found || found.error().code == ErrorCode::cancelled) return found;
          const bool nobody = found.error().code == ErrorCode::unavailable;
          return fail(chain.nothing_found(nobody ? "instance metadata does not answer"
                                                 : describe(found.error())));
        });
  }

  const AwsContext base_;  // without credentials
  const std::shared_ptr<os::ProcessRunner> processes_;
  SharedConfig config_;
  std::set<std::string> visited_;
  std::vector<std::string> tried_;
};

}  // namespace

std::shared_ptr<CredentialsProvider> make_default_credentials(
    const std::shared_ptr<HttpClient>& http, const std::shared_ptr<os::Clock>& clock,
    const std::shared_ptr<os::ProcessRunner>& processes,
    const os::EnvironmentVariables& environment) {
  AwsContext base{.http = http, .credentials = nullptr, .clock = clock, .environment = environment};
  return ChainBuilder(std::move(base), processes).build();
}

}  // namespace aphex::aws
