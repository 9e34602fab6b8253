#pragma once
// One multipart upload: begun, its parts sent side by side, completed; or aborted.

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "aws/client.hpp"
#include "aws/file_hash.hpp"
#include "aws/s3.hpp"

namespace aphex::aws {

class S3Upload {
 public:
  // (operation, key, query) → a call on the object.
  using MakeCall =
      std::function<ServiceCall(const std::string&, const std::string&, const std::string&)>;

  S3Upload(const AwsContext& context, MakeCall make_call, const S3Object& object,
           const std::filesystem::path& file);
  // `expected` is the file as it was hashed; another one at the end is corrupt.
  Status run(const FileState& expected, const os::CancelToken& cancel);

 private:
  struct Part {
    std::string etag;
    std::string sha256_base64;
  };

  Result<std::string> begin(const os::CancelToken& cancel) const;
  Status send_parts(const os::CancelToken& cancel);
  void send_until_empty(os::CancelSource& group);
  std::optional<std::size_t> next_part();
  Result<Part> send_part(std::size_t index, const os::CancelToken& cancel) const;
  void keep_first(Error error);
  Status complete(const os::CancelToken& cancel) const;
  bool is_stored(const os::CancelToken& cancel) const;
  void abort() const;

  const AwsContext& context_;
  const MakeCall make_call_;
  const S3Object& object_;
  const std::filesystem::path& file_;
  const std::uint64_t part_bytes_;
  std::string upload_id_;

  std::mutex mutex_;  // guards what follows while parts are sent
  std::vector<Part> parts_;
  std::size_t next_ = 0;
  std::optional<Error> first_error_;
};

}  // namespace aphex::aws
