#include "aphex/secretsmanager.hpp"

#include "cdk/policy.hpp"

namespace aphex::secretsmanager {

Secret::Secret(Construct& scope, std::string id, SecretProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::SecretsManager::Secret", .properties = {}}) {
  const GenerateSecretString& wanted = props.generate;
  if (wanted.secret_string_template.empty() != wanted.generate_string_key.empty()) {
    node().add_problem("a secret has a template or a key to generate, but not both",
                       "give secret_string_template and generate_string_key, or neither");
  }
  Value generate =
      Value::object({{"PasswordLength", wanted.length},
                     {"ExcludeCharacters", cdk::text_or_null(wanted.exclude_characters)},
                     {"ExcludePunctuation", wanted.exclude_punctuation ? Value(true) : Value()},
                     {"SecretStringTemplate", cdk::text_or_null(wanted.secret_string_template)},
                     {"GenerateStringKey", cdk::text_or_null(wanted.generate_string_key)}});
  properties() = Value::object({{"Name", std::move(props.name)},
                                {"Description", cdk::text_or_null(props.description)},
                                {"GenerateSecretString", std::move(generate)},
                                {"KmsKeyId", std::move(props.kms_key)}});
  apply_removal_policy(props.removal_policy);
}

}  // namespace aphex::secretsmanager
