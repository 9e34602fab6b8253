#pragma once
// Which partition of AWS a region is in, by the beginning of its name.

#include <string_view>

namespace aphex::cdk {

struct Partition {
  std::string_view region_prefix;
  std::string_view name;        // "aws"
  std::string_view url_suffix;  // "amazonaws.com"
};

// Null for the empty text: the region is not known.
const Partition* partition_of(std::string_view region);

}  // namespace aphex::cdk
