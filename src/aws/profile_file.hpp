#pragma once
// The shared configuration: ~/.aws/config and ~/.aws/credentials
// (docs.aws.amazon.com/sdkref/latest/guide/file-format.html).

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/process.hpp"

namespace aphex::aws {

using ProfileSettings = std::map<std::string, std::string>;  // keys in lower case

struct SharedConfig {
  std::map<std::string, ProfileSettings> profiles;
  std::string files;  // both paths, for messages

  const ProfileSettings* find(const std::string& profile) const;
  std::vector<std::string> names() const;
};

// How the file calls a profile: "[profile dev]" and "[default]", or plainly "[dev]".
enum class ProfileFile { config, credentials };
// Adds the profiles of a text. Lines that are no setting are skipped, as the SDKs do.
void read_profiles(std::string_view text, ProfileFile kind, SharedConfig& into);

// Both files, from AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE or below HOME; the credentials
// file wins. A file that is not there is empty; one that cannot be read is an error.
Result<SharedConfig> load_shared_config(const os::EnvironmentVariables& environment);

}  // namespace aphex::aws
