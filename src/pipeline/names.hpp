#pragma once
// Names that are derived from others, within the limits of the services that take them.

#include <cstddef>
#include <string>
#include <string_view>

namespace aphex::pipeline {

// `text`, or its beginning and eight digits of its hash where it is longer than `limit`: two long
// names stay two.
std::string bounded_name(std::string_view text, std::size_t limit);

// A pipeline's name made of a repository's: lower case, letters, digits and '-', at most 40.
std::string pipeline_name(std::string_view repository);

// "archon-agent" → "ArchonAgent". A '-' that no capital can stand for (before a digit, or beside
// another '-') is kept, so that two names never become one.
std::string pascal_name(std::string_view name);

// `{base}-{account}-{region}` within the 63 characters of an S3 bucket; a base that is too long is
// bounded, account and region stay whole.
struct BucketName {
  std::string_view base, account, region;
};
std::string bucket_name(const BucketName& parts);

}  // namespace aphex::pipeline
