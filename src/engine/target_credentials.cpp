#include "engine/target_credentials.hpp"

#include <array>

#include <fmt/format.h>

#include "engine/environment_access.hpp"

namespace aphex::engine {
namespace {

constexpr std::int64_t kGrantVersion = 1;

// What would make an SDK look elsewhere than into the configuration that we write.
constexpr std::array<std::string_view, 10> kOtherSources{"AWS_ACCESS_KEY_ID",
                                                         "AWS_SECRET_ACCESS_KEY",
                                                         "AWS_SESSION_TOKEN",
                                                         "AWS_SECURITY_TOKEN",
                                                         "AWS_PROFILE",
                                                         "AWS_DEFAULT_PROFILE",
                                                         "AWS_ROLE_ARN",
                                                         "AWS_WEB_IDENTITY_TOKEN_FILE",
                                                         "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"};

doc::Value aws_variables(const os::EnvironmentVariables& environment) {
  doc::Value variables = doc::Value::object();
  for (const auto& [name, value] : environment) {
    if (name.starts_with("AWS_")) variables.set(name, value);
  }
  return variables;
}

Status write_grant(const StepContext& context, const AccessTarget& target,
                   const std::filesystem::path& directory) {
  const doc::Value grant =
      doc::Value::object({{"version", kGrantVersion},
                          {"roleArn", deploy_role_arn(target)},
                          {"region", target.region},
                          {"environment", aws_variables(context.services.environment)}});
  APHEX_CHECK(os::write_file_atomic(directory / "grant.json", doc::to_json(grant), 0600));
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail_errno("cannot tell where this program is", error.value());
  APHEX_CHECK(os::write_file_atomic(
      directory / "config",
      fmt::format("[default]\nregion = {}\ncredential_process = \"{}\" "
                  "credentials \"{}\"\n",
                  target.region, program.string(), (directory / "grant.json").string())));
  return os::write_file_atomic(directory / "credentials", "");
}

}  // namespace

Result<TargetCredentials> TargetCredentials::grant(StepContext& context, std::size_t environment) {
  const AccessTarget target = access_target(context.plan, environment);
  APHEX_TRY(const aws::CallerIdentity caller,
            aws::get_caller_identity(context.services.aws, target.region, context.cancel));
  if (caller.account == target.account) return TargetCredentials(std::nullopt);
  APHEX_CHECK(os::make_directories(context.paths.temporary()));
  APHEX_TRY(os::TemporaryDirectory directory,
            os::TemporaryDirectory::create(context.paths.temporary(), "credentials-"));
  APHEX_CHECK(write_grant(context, target, directory.path()));
  return TargetCredentials(std::move(directory));
}

void TargetCredentials::apply_to(os::EnvironmentVariables& variables) const {
  if (!directory_) return;
  for (const std::string_view name : kOtherSources)
    variables.erase(std::string(name));
  variables["AWS_CONFIG_FILE"] = (directory_->path() / "config").string();
  variables["AWS_SHARED_CREDENTIALS_FILE"] = (directory_->path() / "credentials").string();
  // Older SDKs read the configuration file only when told so.
  variables["AWS_SDK_LOAD_CONFIG"] = "1";
}

Result<std::string> credentials_from_grant(const std::filesystem::path& grant,
                                           os::EnvironmentVariables environment,
                                           const os::CancelToken& cancel) {
  APHEX_TRY(const std::string text, os::read_file(grant));
  APHEX_TRY(const doc::Value value, doc::parse_json(text));
  const doc::Value* variables = value.find("environment");
  const std::string role = value.string_or("roleArn", "");
  if (variables == nullptr || !variables->is_object() || role.empty()) {
    return fail(ErrorCode::corrupt, "the grant " + grant.string() + " is damaged");
  }
  std::erase_if(environment, [](const auto& entry) { return entry.first.starts_with("AWS_"); });
  for (const auto& [name, member] : *variables->as_object()) {
    if (member.is_string()) environment[name] = *member.as_string();
  }
  aws::AwsContext base;
  base.http = aws::make_http_client();
  base.clock = os::make_system_clock();
  base.environment = environment;
  base.credentials = aws::make_default_credentials(
      base.http, base.clock, std::shared_ptr<os::ProcessRunner>(os::make_process_runner()),
      environment);
  aws::AssumeRole assume;
  assume.role_arn = role;
  assume.session_name = "aphex";
  assume.region = value.string_or("region", "");
  APHEX_TRY(const aws::Credentials credentials,
            aws::make_role_credentials(base, std::move(assume))->get(cancel));
  doc::Value answer = doc::Value::object({{"Version", 1},
                                          {"AccessKeyId", credentials.access_key_id},
                                          {"SecretAccessKey", credentials.secret_access_key},
                                          {"SessionToken", credentials.session_token}});
  if (credentials.expires_at) answer.set("Expiration", os::format_time(*credentials.expires_at));
  return doc::to_json(answer);
}

}  // namespace aphex::engine
