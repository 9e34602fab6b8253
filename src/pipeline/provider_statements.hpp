#pragma once
// What the provider's function may do in AWS, each statement with its reason.

#include <string_view>
#include <vector>

#include "aphex/iam.hpp"
#include "pipeline/settings.hpp"

namespace aphex::pipeline {

// Manifests that are assets end with this, so that the function can read those of the bootstrap
// bucket and nothing else in it. A list of their exact names would change with every manifest, and
// a right that is seconds old is not yet one everywhere in IAM.
inline constexpr std::string_view kManifestExtension = ".manifest.json";

struct ProviderNeeds {
  Value webhook_secret;  // ARN
  Value log_group;       // ARN, ends with ":*"
};
std::vector<iam::PolicyStatement> provider_statements(const Settings& settings,
                                                      const ProviderNeeds& needs);

// The role that the function takes to talk to the cluster: a literal, or the cluster's export.
Value kubectl_role(const Settings& settings);

}  // namespace aphex::pipeline
