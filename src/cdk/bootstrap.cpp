#include "cdk/bootstrap.hpp"

#include <fmt/format.h>

namespace aphex::cdk {
namespace {

std::string role_arn(std::string_view kind) {
  return fmt::format(
      "arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/"
      "cdk-${{Qualifier}}-{}-${{AWS::AccountId}}-${{AWS::Region}}",
      kind);
}

}  // namespace

BootstrapNames bootstrap_names(const Stack& stack) {
  const Bootstrap& own = stack.props().bootstrap;
  const auto resolve = [&stack](const std::string& given, const std::string& fallback) {
    return stack.resolve_placeholders(given.empty() ? fallback : given);
  };
  return {
      .bucket = resolve(own.file_assets_bucket_name,
                        "cdk-${Qualifier}-assets-${AWS::AccountId}-${AWS::Region}"),
      .deploy_role = resolve(own.deploy_role_arn, role_arn("deploy-role")),
      .execution_role = resolve(own.cloud_formation_execution_role_arn, role_arn("cfn-exec-role")),
      .publishing_role = resolve(own.file_publishing_role_arn, role_arn("file-publishing-role")),
      .lookup_role = resolve(own.lookup_role_arn, role_arn("lookup-role")),
      .version_parameter =
          resolve(own.version_ssm_parameter, "/cdk-bootstrap/${Qualifier}/version"),
  };
}

std::string object_key(const Stack& stack, std::string_view sha256, std::string_view extension) {
  return fmt::format("{}{}{}", stack.resolve_placeholders(stack.props().bootstrap.bucket_prefix),
                     sha256, extension);
}

}  // namespace aphex::cdk
