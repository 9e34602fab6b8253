#include "pipeline/manifests.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::pipeline {
namespace {

// Fills one key of a Secret from Secrets Manager; the value passes through a pipe, never through an
// argument. The field manager leaves the manifest's own fields to whoever applies it.
std::string fill_command(const Settings& settings, const argo::Object& object,
                         const argo::SecretSource& source) {
  std::string read = fmt::format(
      "aws secretsmanager get-secret-value --region {} --secret-id {} --query SecretString "
      "--output text",
      settings.region, shell_quote(source.secret));
  if (!source.json_key.empty()) {
    read += fmt::format(" | jq -r {}", shell_quote("." + source.json_key));
  }
  return fmt::format(
      "#   {} |\n"
      "#     tr -d '\\n' | kubectl -n {} create secret generic {} --dry-run=client -o json \\\n"
      "#       --from-file={}=/dev/stdin |\n"
      "#     kubectl apply --server-side --field-manager=aphex-secrets -f -\n",
      read, object.name_space(), object.name(), source.key);
}

}  // namespace

std::string manifests_yaml(const Settings& settings, const std::vector<argo::Object>& objects) {
  std::string text = fmt::format(
      "# The pipeline {} on the cluster {}, without what its stack creates in AWS: the role,\n"
      "# the bucket, the secrets.\n"
      "#\n"
      "#   aphex manifests | kubectl apply --server-side --field-manager=aphex -f -\n",
      settings.name, settings.cluster_name);
  std::string secrets;
  for (const argo::Object& object : objects) {
    for (const argo::SecretSource& source : object.secret_values)
      secrets += fill_command(settings, object, source);
  }
  if (!secrets.empty()) text += "#\n# Its Secrets are without values. To fill them:\n#\n" + secrets;
  return text + argo::to_yaml(objects);
}

}  // namespace aphex::pipeline
