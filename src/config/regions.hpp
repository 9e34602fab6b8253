#pragma once
// The regions of AWS, by partition. `pipeline.additionalRegions` adds what is newer than this.

#include <span>
#include <string_view>

namespace aphex::config {

struct Region {
  std::string_view name;       // "eu-west-1"
  std::string_view partition;  // "aws", "aws-cn", "aws-us-gov", …
};

std::span<const Region> known_regions();
const Region* find_region(std::string_view name);  // null where there is none

// "aws", "aws-cn", "aws-us-gov", …: by the region's prefix, as the partitions define it, so that it
// is right for a region that is newer than this list.
std::string_view partition_of(std::string_view region);

}  // namespace aphex::config
