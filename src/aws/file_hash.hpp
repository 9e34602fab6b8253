#pragma once
// Hashes of files that are about to be sent.

#include <cstdint>
#include <filesystem>
#include <string>

#include "aws/http.hpp"
#include "base/result.hpp"
#include "base/sha256.hpp"
#include "os/cancel.hpp"

namespace aphex::aws {

// What shows that a file was changed.
struct FileState {
  std::uint64_t size_bytes = 0;
  std::filesystem::file_time_type modified;
  friend bool operator==(const FileState&, const FileState&) = default;
};
Result<FileState> file_state(const std::filesystem::path& file);

Result<Sha256Digest> hash_file(const HttpRequest::FileRange& range, const os::CancelToken& cancel);

// The digest that `hex` spells, as checksum headers want it.
std::string base64_of_hex(const std::string& hex);

}  // namespace aphex::aws
