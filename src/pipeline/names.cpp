#include "pipeline/names.hpp"

#include <algorithm>

#include "base/sha256.hpp"
#include "base/text.hpp"

namespace aphex::pipeline {
namespace {

constexpr std::size_t kHashDigits = 8;
constexpr std::size_t kMaxPipelineName = 40;
constexpr std::size_t kMaxBucketName = 63;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view without_dashes_at_ends(std::string_view text) {
  while (text.starts_with('-'))
    text.remove_prefix(1);
  while (text.ends_with('-'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::string bounded_name(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  const std::string_view kept = without_dashes_at_ends(text.substr(0, limit - kHashDigits - 1));
  return std::string(kept) + "-" + sha256_hex(text).substr(0, kHashDigits);
}

std::string pipeline_name(std::string_view repository) {
  std::string name;
  for (const char c : to_lower(repository)) {
    name += is_lower(c) || is_digit(c) ? c : '-';
  }
  const std::string bounded = bounded_name(without_dashes_at_ends(name), kMaxPipelineName);
  return bounded.empty() ? "pipeline" : bounded;
}

std::string pascal_name(std::string_view name) {
  std::string pascal;
  bool after_dash = true;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '-') {
      const bool before_letter = i + 1 < name.size() && is_lower(name[i + 1]);
      if (!before_letter) pascal += '-';
      after_dash = true;
      continue;
    }
    pascal += after_dash && is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
    after_dash = false;
  }
  return pascal;
}

std::string bucket_name(const BucketName& parts) {
  const std::string end = "-" + std::string(parts.account) + "-" + std::string(parts.region);
  return bounded_name(parts.base, kMaxBucketName - std::min(end.size(), kMaxBucketName / 2)) + end;
}

}  // namespace aphex::pipeline
