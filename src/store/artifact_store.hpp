#pragma once
// Where artifacts live: blobs under keys, in a directory or in S3, behind one interface.
//
// Keys are relative, '/'-separated, e.g. "<commit sha>/build-output.tar.gz". A blob becomes visible
// only when it is whole; writing a key again replaces it in one step. Each blob carries the SHA-256
// of its bytes, which get() checks. Transient errors are retried inside.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.hpp"
#include "base/result.hpp"
#include "os/cancel.hpp"

namespace aphex::store {

struct BlobInfo {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::string sha256;  // lower-case hexadecimal; empty in listings of stores that do not list it
};

class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;
  // "file:///…" or "s3://bucket/prefix", for messages.
  virtual std::string location() const = 0;
  virtual Result<BlobInfo> put_file(const std::string& key, const std::filesystem::path& file,
                                    const os::CancelToken& cancel) = 0;
  // Downloads to a temporary name beside `file`, verifies, renames. Error not_found, or corrupt
  // where the checksum differs.
  virtual Result<BlobInfo> get_file(const std::string& key, const std::filesystem::path& file,
                                    const os::CancelToken& cancel) = 0;
  virtual Result<BlobInfo> head(const std::string& key) = 0;  // not_found
  // Every key that starts with `prefix`, sorted.
  virtual Result<std::vector<BlobInfo>> list(const std::string& prefix) = 0;
  virtual Status remove(const std::string& key) = 0;  // nothing there is fine
};

// Blobs as files below `root`, under the names of their keys; checksums and unfinished files stand
// in `root`/.aphex (directory_store.cpp describes it). Several processes may share it. A key cannot
// be at once a blob and the beginning of another ("a", "a/b"): that is an error of put_file().
std::unique_ptr<ArtifactStore> make_directory_store(std::filesystem::path root);

struct S3Location {
  std::string region;
  std::string bucket;
  std::string prefix;  // without '/' at its ends; may be empty
};
// Blobs as objects "<prefix>/<key>", their SHA-256 in the metadata. An object without it is
// corrupt: nobody can tell whether it is what was put.
std::unique_ptr<ArtifactStore> make_s3_store(const aws::AwsContext& context, S3Location location);

// How to reach S3; not looked at for a directory.
struct S3Access {
  aws::AwsContext context;
  std::string region;
};
// "s3://bucket", "s3://bucket/prefix", "file:///directory" or a directory's path.
Result<std::unique_ptr<ArtifactStore>> open_artifact_store(const std::string& location,
                                                           const S3Access& access);

// Not empty, relative, no "." or ".." or empty part, no control characters, at most 1,024 bytes,
// and not below ".aphex", which the directory store keeps for itself.
Status check_key(std::string_view key);

}  // namespace aphex::store
