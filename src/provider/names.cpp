#include "provider/names.hpp"

#include <algorithm>
#include <cstddef>

namespace aphex::provider {
namespace {

constexpr std::size_t kMaxClusterName = 100;
constexpr std::size_t kMaxRegion = 32;  // the longest today has 14
constexpr std::size_t kMinBucketName = 3;
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxSubdomain = 253;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower_or_digit(char c) {
  return is_lower(c) || is_digit(c);
}
bool is_alphanumeric(char c) {
  return is_lower_or_digit(c) || is_upper(c);
}

// Not empty, at most `most`, ends that satisfy `edge`, and `inner` between.
template <typename Edge>
bool is_made_of(std::string_view text, std::size_t most, Edge edge, std::string_view also_inner) {
  return !text.empty() && text.size() <= most && edge(text.front()) && edge(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return edge(c) || also_inner.find(c) != std::string_view::npos;
         });
}

}  // namespace

bool is_cluster_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxClusterName && is_alphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
}

bool is_region(std::string_view text) {
  return is_made_of(text, kMaxRegion, is_lower_or_digit, "-");
}

bool is_bucket_name(std::string_view text) {
  return text.size() >= kMinBucketName && is_made_of(text, kMaxLabel, is_lower_or_digit, "-.");
}

bool is_dns_label(std::string_view text) {
  return is_made_of(text, kMaxLabel, is_lower_or_digit, "-");
}

bool is_dns_subdomain(std::string_view text) {
  if (text.size() > kMaxSubdomain) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_made_of(text.substr(0, dot), kMaxSubdomain, is_lower_or_digit, "-")) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_label_value(std::string_view text) {
  return is_made_of(text, kMaxLabel, is_alphanumeric, "-_.");
}

bool is_data_key(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSubdomain && text != "." && !text.starts_with("..") &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_kind(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLabel && is_upper(text.front()) &&
         std::all_of(text.begin(), text.end(), is_alphanumeric);
}

bool is_api_version(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_dns_label(text);
  return is_dns_subdomain(text.substr(0, slash)) && is_dns_label(text.substr(slash + 1));
}

}  // namespace aphex::provider
