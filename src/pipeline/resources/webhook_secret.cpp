// What GitHub signs its events with. Secrets Manager generates it; it is in no template, no output
// and no log, and the provider alone takes it to the cluster.
#include "pipeline/resource_table.hpp"

namespace aphex::pipeline::resources {
namespace {

constexpr int kLength = 40;  // letters and digits: 238 bits

}  // namespace

void add_webhook_secret(StackParts& parts) {
  const Settings& settings = parts.settings;
  secretsmanager::SecretProps props;
  props.name = settings.webhook_secret;
  props.description = "Signs the events that GitHub sends to the pipeline " + settings.name;
  props.generate.length = kLength;
  props.generate.exclude_punctuation = true;
  if (!settings.kms_key_arn.empty()) props.kms_key = settings.kms_key_arn;
  parts.webhook_secret =
      &parts.scope.make<secretsmanager::Secret>("WebhookSecret", std::move(props));
}

}  // namespace aphex::pipeline::resources
