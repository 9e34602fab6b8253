#include "store/artifact_store.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace aphex::store {
namespace {

// S3's limit for a key.
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::string_view kS3Scheme = "s3://";
constexpr std::string_view kFileScheme = "file://";

tl::unexpected<Error> bad_key(std::string_view key, const std::string& why) {
  return fail(ErrorCode::usage, "The artifact key \"" + std::string(key) + "\" " + why);
}

// Length and characters as of "Bucket naming rules" for general purpose buckets.
bool is_bucket_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && plain(name.front()) && plain(name.back()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

Result<S3Location> parse_s3_location(const std::string& location) {
  const std::string rest = location.substr(kS3Scheme.size());
  const std::size_t slash = rest.find('/');
  S3Location parsed{{}, rest.substr(0, slash), {}};
  if (!is_bucket_name(parsed.bucket))
    return fail(ErrorCode::usage,
                "The artifact store " + location + " names no S3 bucket: \"" + parsed.bucket + "\"",
                "write s3://bucket or s3://bucket/prefix; a bucket's name has 3 to 63 lower-case "
                "letters, digits, dots and hyphens");
  if (slash != std::string::npos) parsed.prefix = rest.substr(slash + 1);
  while (parsed.prefix.ends_with('/'))
    parsed.prefix.pop_back();
  if (!parsed.prefix.empty()) APHEX_CHECK(check_key(parsed.prefix));
  return parsed;
}

}  // namespace

Status check_key(std::string_view key) {
  if (key.empty()) return fail(ErrorCode::usage, "The artifact key is empty");
  if (key.size() > kMaxKeyBytes)
    return bad_key(key, "is longer than " + std::to_string(kMaxKeyBytes) + " bytes");
  if (key.front() == '/') return bad_key(key, "is absolute");
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return bad_key(key, "has a control character");
  }
  const std::vector<std::string> parts = split(key, '/');
  for (const std::string& part : parts) {
    if (part.empty()) return bad_key(key, "has an empty part");
    if (part == "." || part == "..") return bad_key(key, "has the part \"" + part + "\"");
  }
  if (parts.front() == ".aphex") return bad_key(key, "stands below .aphex, a reserved name");
  return {};
}

Result<std::unique_ptr<ArtifactStore>> open_artifact_store(const std::string& location,
                                                           const S3Access& access) {
  if (location.empty())
    return fail(ErrorCode::usage, "The artifact store has no location",
                "give a directory or s3://bucket/prefix");
  if (location.starts_with(kS3Scheme)) {
    APHEX_TRY(S3Location parsed, parse_s3_location(location));
    parsed.region = access.region;
    return make_s3_store(access.context, std::move(parsed));
  }
  if (location.starts_with(kS3Scheme.substr(0, kS3Scheme.find('/'))))
    return fail(ErrorCode::usage, "The artifact store " + location + " is no directory",
                "write s3://bucket or s3://bucket/prefix, with two slashes");
  if (location.starts_with(kFileScheme)) {
    const std::string path = location.substr(kFileScheme.size());
    if (!path.starts_with('/'))
      return fail(ErrorCode::usage, "The artifact store " + location + " is not absolute",
                  "write file:///directory");
    return make_directory_store(path);
  }
  if (const std::size_t scheme = location.find("://"); scheme != std::string::npos)
    return fail(ErrorCode::unsupported,
                "The artifact store " + location + " is of an unknown kind: \"" +
                    location.substr(0, scheme) + "\"",
                "give a directory or s3://bucket/prefix");
  return make_directory_store(location);
}

}  // namespace aphex::store
