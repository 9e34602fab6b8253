// Artifacts as objects of S3. Retries, parts and the checksums on the way are the client's; here
// the whole file's SHA-256 is compared before a download gets its name.

#include <utility>

#include "aws/s3.hpp"
#include "store/artifact_store.hpp"
#include "store/blob_hash.hpp"

namespace aphex::store {
namespace {

class S3Store final : public ArtifactStore {
 public:
  S3Store(const aws::AwsContext& context, S3Location location)
      : location_(std::move(location)),
        credentials_(context.credentials),
        client_(context, location_.region, location_.bucket) {}

  std::string location() const override {
    const std::string bucket = "s3://" + location_.bucket;
    return location_.prefix.empty() ? bucket : bucket + "/" + location_.prefix;
  }

  Result<BlobInfo> put_file(const std::string& key, const std::filesystem::path& file,
                            const os::CancelToken& cancel) override {
    APHEX_CHECK(check_key(key));
    // Without a checksum of ours the client computes it, checks that the file stays as it is while
    // it goes up, and keeps it with the object.
    auto object = client_.put_file(object_key(key), file, "", cancel);
    if (!object)
      return refused("Cannot store " + file.filename().string() + " as " + name_of(key),
                     std::move(object.error()), "s3:PutObject and s3:AbortMultipartUpload");
    return BlobInfo{key, object->size_bytes, object->sha256};
  }

  Result<BlobInfo> get_file(const std::string& key, const std::filesystem::path& file,
                            const os::CancelToken& cancel) override {
    APHEX_CHECK(check_key(key));
    auto blob = download(key, file, cancel);
    if (!blob) {
      return refused("Cannot fetch " + name_of(key), std::move(blob.error()), "s3:GetObject");
    }
    return blob;
  }

  Result<BlobInfo> head(const std::string& key) override {
    APHEX_CHECK(check_key(key));
    auto object = client_.head(object_key(key), os::CancelToken());
    if (!object) {
      return refused("Cannot look at " + name_of(key), std::move(object.error()), "s3:GetObject");
    }
    return BlobInfo{key, object->size_bytes, object->sha256};
  }

  Result<std::vector<BlobInfo>> list(const std::string& prefix) override {
    auto objects = client_.list(object_key(prefix), os::CancelToken());
    if (!objects) {
      return refused("Cannot list " + name_of(prefix), std::move(objects.error()), "s3:ListBucket");
    }
    std::vector<BlobInfo> blobs;
    blobs.reserve(objects->size());
    const std::size_t skipped = object_key("").size();
    for (const aws::S3Object& object : *objects)
      blobs.push_back({object.key.substr(skipped), object.size_bytes, object.sha256});
    return blobs;
  }

  Status remove(const std::string& key) override {
    APHEX_CHECK(check_key(key));
    auto status = client_.remove(object_key(key), os::CancelToken());
    if (!status) {
      return refused("Cannot remove " + name_of(key), std::move(status.error()), "s3:DeleteObject");
    }
    return {};
  }

 private:
  // What S3 does not say itself: which right is missing and to whom, or what may be in the way.
  tl::unexpected<Error> refused(std::string what, Error cause, std::string_view actions) const {
    if (cause.hint.empty() && cause.code == ErrorCode::permission) {
      cause.hint = "allow " + std::string(actions) + " on bucket " + location_.bucket +
                   " to these credentials (" + credentials_->source() +
                   "); a policy of the bucket may deny it as well";
    }
    if (cause.hint.empty() && cause.code == ErrorCode::unavailable) {
      cause.hint =
          "check that S3 can be reached from here: a network policy, a security group or a missing "
          "VPC endpoint may forbid it";
    }
    return fail_because(std::move(what), std::move(cause));
  }

  std::string object_key(const std::string& key) const {
    return location_.prefix.empty() ? key : location_.prefix + "/" + key;
  }
  std::string name_of(const std::string& key) const { return location() + "/" + key; }

  // Bytes that are wrong may have become so on the way: only what is wrong twice is said to be.
  Result<BlobInfo> download(const std::string& key, const std::filesystem::path& file,
                            const os::CancelToken& cancel) {
    auto blob = download_once(key, file, cancel);
    if (blob || blob.error().code != ErrorCode::corrupt) return blob;
    return download_once(key, file, cancel);
  }

  Result<BlobInfo> download_once(const std::string& key, const std::filesystem::path& file,
                                 const os::CancelToken& cancel) {
    APHEX_TRY(PendingFile pending, PendingFile::create(directory_of(file)));
    APHEX_TRY(const aws::S3Object object,
              client_.get_file(object_key(key), pending.path(), cancel));
    if (object.sha256.empty())
      return fail(ErrorCode::corrupt, "the object has no SHA-256 in its metadata",
                  "it was not put there by this program; remove it and run the build again");
    APHEX_TRY(const HashedBytes actual, hash_file(pending.path(), cancel));
    if (actual.sha256 != object.sha256)
      return fail(ErrorCode::corrupt, "its SHA-256 is " + actual.sha256 + ", not " + object.sha256,
                  "remove it and run the build again");
    APHEX_CHECK(pending.commit(file, Durability::cached));
    return BlobInfo{key, actual.size_bytes, actual.sha256};
  }

  S3Location location_;
  std::shared_ptr<aws::CredentialsProvider> credentials_;
  aws::S3Client client_;
};

}  // namespace

std::unique_ptr<ArtifactStore> make_s3_store(const aws::AwsContext& context, S3Location location) {
  return std::make_unique<S3Store>(context, std::move(location));
}

}  // namespace aphex::store
