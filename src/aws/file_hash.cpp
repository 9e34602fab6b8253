#include "aws/file_hash.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <vector>

namespace aphex::aws {
namespace {

constexpr std::size_t kBufferBytes = 1U << 20U;

struct FileCloser {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};

}  // namespace

Result<FileState> file_state(const std::filesystem::path& file) {
  std::error_code error;
  FileState state;
  state.size_bytes = std::filesystem::file_size(file, error);
  if (!error) state.modified = std::filesystem::last_write_time(file, error);
  if (error) return fail_errno("cannot read " + file.string(), error.value());
  return state;
}

Result<Sha256Digest> hash_file(const HttpRequest::FileRange& range, const os::CancelToken& cancel) {
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(range.path.c_str(), "rbe"));
  if (!file || fseeko(file.get(), static_cast<off_t>(range.offset), SEEK_SET) != 0) {
    return fail_errno("cannot read " + range.path.string(), errno);
  }
  Sha256 hash;
  std::vector<char> buffer(kBufferBytes);
  for (std::uint64_t left = range.length; left > 0;) {
    if (cancel.cancelled()) {
      return fail(ErrorCode::cancelled,
                  "hashing " + range.path.string() + " was cancelled: " + cancel.reason());
    }
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    const std::size_t got = std::fread(buffer.data(), 1, want, file.get());
    if (got == 0) {
      return fail(ErrorCode::io, range.path.string() + " became shorter while it was read");
    }
    hash.update(std::string_view(buffer.data(), got));
    left -= got;
  }
  return hash.finish();
}

std::string base64_of_hex(const std::string& hex) {
  const auto digit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return to_base64(bytes);
}

}  // namespace aphex::aws
