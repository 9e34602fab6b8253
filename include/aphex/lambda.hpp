#pragma once
// Lambda functions from an archive in S3.

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aphex/asset.hpp"
#include "aphex/cfn.hpp"

namespace aphex::lambda {

struct Code {
  Value s3_bucket = {};
  Value s3_key = {};
  static Code from(const FileAsset& zip) { return {zip.bucket_name(), zip.object_key()}; }
};

struct FunctionProps {
  Value function_name = {};
  std::string description = {};
  std::string runtime = {};  // "provided.al2023"
  std::string handler = {};
  std::vector<std::string> architectures = {};  // "arm64"
  Code code = {};
  Value role = {};  // an ARN
  std::chrono::seconds timeout{3};
  int memory_mb = 128;
  std::vector<std::pair<std::string, Value>> environment = {};
  Value log_group = {};  // its name; null: Lambda makes one
  std::optional<int> reserved_concurrency = {};
  std::vector<Value> layers = {};
  Value kms_key_arn = {};  // for the environment
};

class Function : public CfnResource {
 public:
  Function(Construct& scope, std::string id, FunctionProps props);
  Value arn() const { return get_att("Arn"); }
  Value name() const { return ref(); }
  std::string_view type_name() const override { return "aphex.lambda.Function"; }
};

struct PermissionProps {
  Value function = {};  // name or ARN
  std::string action = "lambda:InvokeFunction";
  std::string principal = {};  // "sns.amazonaws.com"
  Value source_arn = {};
  Value source_account = {};
};

class Permission : public CfnResource {
 public:
  Permission(Construct& scope, std::string id, PermissionProps props);
  std::string_view type_name() const override { return "aphex.lambda.Permission"; }
};

}  // namespace aphex::lambda
