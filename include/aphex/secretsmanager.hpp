#pragma once
// Secrets that Secrets Manager generates: their text is in no template.

#include <optional>
#include <string>

#include "aphex/cfn.hpp"

namespace aphex::secretsmanager {

struct GenerateSecretString {
  int length = 32;
  std::string exclude_characters = {};
  bool exclude_punctuation = false;
  // To generate one member of a JSON text: both or neither.
  std::string secret_string_template = {};
  std::string generate_string_key = {};
};

struct SecretProps {
  Value name = {};  // null: made by CloudFormation
  std::string description = {};
  GenerateSecretString generate = {};
  Value kms_key = {};
  RemovalPolicy removal_policy = RemovalPolicy::destroy;
};

class Secret : public CfnResource {
 public:
  Secret(Construct& scope, std::string id, SecretProps props = {});
  Value arn() const { return ref(); }
  std::string_view type_name() const override { return "aphex.secretsmanager.Secret"; }
};

}  // namespace aphex::secretsmanager
