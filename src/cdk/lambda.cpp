#include "aphex/lambda.hpp"

#include <fmt/format.h>

#include "cdk/policy.hpp"

namespace aphex::lambda {
namespace {

// "Lambda quotas" in its developer guide.
constexpr std::chrono::seconds kMaxTimeout{900};
constexpr int kMinMemory = 128;
constexpr int kMaxMemory = 10240;

}  // namespace

Function::Function(Construct& scope, std::string id, FunctionProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::Lambda::Function", .properties = {}}) {
  if (props.timeout < std::chrono::seconds(1) || props.timeout > kMaxTimeout) {
    node().add_problem(fmt::format("a function cannot run for {} s", props.timeout.count()),
                       "1 to 900 seconds");
  }
  if (props.memory_mb < kMinMemory || props.memory_mb > kMaxMemory) {
    node().add_problem(fmt::format("a function cannot have {} MB", props.memory_mb),
                       "128 to 10240 MB");
  }
  Value environment;
  if (!props.environment.empty()) {
    Value::Object variables;
    for (auto& [name, value] : props.environment)
      variables.emplace_back(name, std::move(value));
    environment = Value::object({{"Variables", std::move(variables)}});
  }
  Value logging;
  if (!props.log_group.is_null())
    logging = Value::object({{"LogGroup", std::move(props.log_group)}});
  Value architectures;
  if (!props.architectures.empty()) architectures = Value::strings(props.architectures);
  Value value =
      Value::object({{"FunctionName", std::move(props.function_name)},
                     {"Description", cdk::text_or_null(props.description)},
                     {"Code", Value::object({{"S3Bucket", std::move(props.code.s3_bucket)},
                                             {"S3Key", std::move(props.code.s3_key)}})},
                     {"Runtime", cdk::text_or_null(props.runtime)},
                     {"Handler", cdk::text_or_null(props.handler)},
                     {"Architectures", std::move(architectures)},
                     {"Role", std::move(props.role)},
                     {"Timeout", std::int64_t{props.timeout.count()}},
                     {"MemorySize", props.memory_mb},
                     {"Environment", std::move(environment)},
                     {"LoggingConfig", std::move(logging)},
                     {"KmsKeyArn", std::move(props.kms_key_arn)},
                     {"Layers", cdk::list_or_null(std::move(props.layers))}});
  if (props.reserved_concurrency)
    value.set("ReservedConcurrentExecutions", *props.reserved_concurrency);
  properties() = std::move(value);
}

Permission::Permission(Construct& scope, std::string id, PermissionProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::Lambda::Permission", .properties = {}}) {
  properties() = Value::object({{"FunctionName", std::move(props.function)},
                                {"Action", props.action},
                                {"Principal", props.principal},
                                {"SourceArn", std::move(props.source_arn)},
                                {"SourceAccount", std::move(props.source_account)}});
}

}  // namespace aphex::lambda
