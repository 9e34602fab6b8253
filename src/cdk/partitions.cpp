#include "cdk/partitions.hpp"

#include <algorithm>
#include <array>

namespace aphex::cdk {
namespace {

// regionRegex and dnsSuffix of botocore/data/partitions.json (botocore 1.44.5, Apache-2.0). The
// last one takes what no other does.
constexpr std::array<Partition, 8> kPartitions{{
    {"cn-", "aws-cn", "amazonaws.com.cn"},
    {"us-gov-", "aws-us-gov", "amazonaws.com"},
    {"us-iso-", "aws-iso", "c2s.ic.gov"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
    {"eusc-", "aws-eusc", "amazonaws.eu"},
    {"", "aws", "amazonaws.com"},
}};

}  // namespace

const Partition* partition_of(std::string_view region) {
  if (region.empty()) return nullptr;
  return std::find_if(kPartitions.begin(), kPartitions.end(), [&](const Partition& partition) {
    return region.starts_with(partition.region_prefix);
  });
}

}  // namespace aphex::cdk
