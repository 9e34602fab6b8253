#pragma once
// The SHA-256 of files, while they are copied or afterwards.

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "os/cancel.hpp"
#include "store/pending_file.hpp"

namespace aphex::store {

struct HashedBytes {
  std::uint64_t size_bytes = 0;
  std::string sha256;  // lower-case hexadecimal
};

// From the beginning of `from` into `to`. What is hashed is what was written, so a file that
// changes meanwhile gives a copy that agrees with its checksum.
Result<HashedBytes> copy_and_hash(const Descriptor& from, PendingFile& to,
                                  const os::CancelToken& cancel);

Result<HashedBytes> hash_file(const std::filesystem::path& file, const os::CancelToken& cancel);

}  // namespace aphex::store
