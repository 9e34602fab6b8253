#pragma once
// S3 objects: what the artifact store needs. Multipart above a part's size, SHA-256 checksums.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "aws/credentials.hpp"

namespace aphex::aws {

struct ServiceCall;

struct S3Object {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::string sha256;  // user metadata x-amz-meta-sha256; empty in listings
};

// Objects above this go up in parts.
inline constexpr std::uint64_t kPartBytes = 16U << 20U;
inline constexpr std::uint64_t kMaxParts = 10'000;  // S3's limit
inline constexpr unsigned kParallelParts = 4;  // enough to fill a link, and four files' buffers

// At least kPartBytes, whole MiB, and so large that kMaxParts suffice.
std::uint64_t part_size(std::uint64_t object_bytes);

class S3Client {
 public:
  S3Client(AwsContext context, std::string region, std::string bucket);
  // Whole or not at all: an upload that fails or is cancelled is aborted. Parts go up in parallel.
  // S3 verifies the SHA-256 of each part. `sha256` is the file's, and kept with the object; a file
  // that has another is corrupt, and empty means that it is computed here.
  Result<S3Object> put_file(const std::string& key, const std::filesystem::path& file,
                            const std::string& sha256, const os::CancelToken& cancel);
  // Into `file` as it comes; the caller verifies and renames. not_found where there is no object.
  Result<S3Object> get_file(const std::string& key, const std::filesystem::path& file,
                            const os::CancelToken& cancel);
  // The object itself, where it is small; corrupt where it has more than `max_bytes`.
  Result<std::string> get_text(const std::string& key, std::size_t max_bytes,
                               const os::CancelToken& cancel);
  Result<S3Object> head(const std::string& key, const os::CancelToken& cancel);
  // Sorted by key, as S3 answers.
  Result<std::vector<S3Object>> list(const std::string& prefix, const os::CancelToken& cancel);
  // Nothing there is fine.
  Status remove(const std::string& key, const os::CancelToken& cancel);
  const std::string& bucket() const { return bucket_; }

 private:
  // A call on an object, or on the bucket where `key` is empty.
  ServiceCall make_call(const std::string& operation, const std::string& key,
                        const std::string& query = {}) const;
  Status put_whole(const S3Object& object, const std::filesystem::path& file,
                   const os::CancelToken& cancel) const;

  AwsContext context_;
  std::string region_;
  std::string bucket_;
};

}  // namespace aphex::aws
