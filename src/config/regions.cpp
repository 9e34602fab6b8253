// AWS publishes the regions of each partition with its SDKs. This list is the union of
// botocore/data/partitions.json and botocore/data/endpoints.json of botocore 1.44.5
// (Apache-2.0), read on 2026-11-23; pseudo regions such as "aws-global" are left out.
#include "config/regions.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aphex::config {
namespace {

constexpr std::array<Region, 48> kRegions{{
    {"af-south-1", "aws"},
    {"ap-east-1", "aws"},
    {"ap-east-2", "aws"},
    {"ap-northeast-1", "aws"},
    {"ap-northeast-2", "aws"},
    {"ap-northeast-3", "aws"},
    {"ap-south-1", "aws"},
    {"ap-south-2", "aws"},
    {"ap-southeast-1", "aws"},
    {"ap-southeast-2", "aws"},
    {"ap-southeast-3", "aws"},
    {"ap-southeast-4", "aws"},
    {"ap-southeast-5", "aws"},
    {"ap-southeast-6", "aws"},
    {"ap-southeast-7", "aws"},
    {"ca-central-1", "aws"},
    {"ca-west-1", "aws"},
    {"eu-central-1", "aws"},
    {"eu-central-2", "aws"},
    {"eu-north-1", "aws"},
    {"eu-south-1", "aws"},
    {"eu-south-2", "aws"},
    {"eu-west-1", "aws"},
    {"eu-west-2", "aws"},
    {"eu-west-3", "aws"},
    {"il-central-1", "aws"},
    {"me-central-1", "aws"},
    {"me-south-1", "aws"},
    {"me-west-1", "aws"},
    {"mx-central-1", "aws"},
    {"sa-east-1", "aws"},
    {"sa-west-1", "aws"},
    {"us-east-1", "aws"},
    {"us-east-2", "aws"},
    {"us-west-1", "aws"},
    {"us-west-2", "aws"},
    {"cn-north-1", "aws-cn"},
    {"cn-northwest-1", "aws-cn"},
    {"us-gov-east-1", "aws-us-gov"},
    {"us-gov-west-1", "aws-us-gov"},
    {"eusc-de-east-1", "aws-eusc"},
    {"us-iso-east-1", "aws-iso"},
    {"us-iso-west-1", "aws-iso"},
    {"us-isob-east-1", "aws-iso-b"},
    {"us-isob-west-1", "aws-iso-b"},
    {"eu-isoe-west-1", "aws-iso-e"},
    {"us-isof-east-1", "aws-iso-f"},
    {"us-isof-south-1", "aws-iso-f"},
}};

// Prefixes of region names in the partitions that are not "aws" (botocore's partitions.json).
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kPartitions{{
    {"cn-", "aws-cn"},
    {"us-gov-", "aws-us-gov"},
    {"us-iso-", "aws-iso"},
    {"us-isob-", "aws-iso-b"},
    {"eu-isoe-", "aws-iso-e"},
    {"us-isof-", "aws-iso-f"},
    {"eu-isof-", "aws-iso-f"},
    {"eusc-", "aws-eusc"},
}};

}  // namespace

std::span<const Region> known_regions() {
  return kRegions;
}

const Region* find_region(std::string_view name) {
  const auto found = std::find_if(kRegions.begin(), kRegions.end(),
                                  [&](const Region& region) { return region.name == name; });
  return found == kRegions.end() ? nullptr : &*found;
}

std::string_view partition_of(std::string_view region) {
  for (const auto& [prefix, partition] : kPartitions) {
    if (region.starts_with(prefix)) return partition;
  }
  return "aws";
}

}  // namespace aphex::config
