#include <array>

#include "aws/credentials.hpp"
#include "aws/uri.hpp"
#include "base/text.hpp"

namespace aphex::aws {
namespace {

struct Partition {
  std::string_view region_prefix;
  std::string_view domain;
};

// botocore's data/partitions.json (regionRegex and dnsSuffix), version 1.44.5. Longer prefixes
// stand before the shorter ones that they begin with.
constexpr std::array<Partition, 8> kPartitions = {{
    {"cn-", "amazonaws.com.cn"},
    {"us-gov-", "amazonaws.com"},
    {"us-isob-", "sc2s.sgov.gov"},
    {"us-isof-", "csp.hci.ic.gov"},
    {"us-iso-", "c2s.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk"},
    {"eusc-", "amazonaws.eu"},
    {"", "amazonaws.com"},
}};

std::string value_of(const os::EnvironmentVariables& environment, const std::string& name) {
  const auto at = environment.find(name);
  return at == environment.end() ? std::string() : at->second;
}

std::string without_trailing_slash(std::string url) {
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

}  // namespace

std::string domain_of(const std::string& region) {
  for (const Partition& partition : kPartitions) {
    if (region.starts_with(partition.region_prefix)) return std::string(partition.domain);
  }
  return "amazonaws.com";
}

std::string configured_region(const os::EnvironmentVariables& environment) {
  const std::string region = value_of(environment, "AWS_REGION");
  return region.empty() ? value_of(environment, "AWS_DEFAULT_REGION") : region;
}

ServiceEndpoint resolve_endpoint(const std::string& service, const std::string& region,
                                 const os::EnvironmentVariables& environment) {
  if (to_lower(value_of(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) != "true") {
    std::string url = value_of(environment, "AWS_ENDPOINT_URL_" + to_upper(service));
    if (url.empty()) url = value_of(environment, "AWS_ENDPOINT_URL");
    if (!url.empty()) return {.url = without_trailing_slash(std::move(url)), .local = true};
  }
  return {.url = "https://" + service + "." + region + "." + domain_of(region), .local = false};
}

}  // namespace aphex::aws
