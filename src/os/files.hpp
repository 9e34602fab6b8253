#pragma once
// Files: whole reads with a bound, atomic writes, locks, temporary directories.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aphex::os {

// The whole file; an error when it is larger than `max_bytes`.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::size_t max_bytes = 64U << 20U);

// Writes to a temporary name beside it, fsyncs, renames: readers see the old or the new, never
// half. Creates the parent directory. `mode` are the permission bits.
Status write_file_atomic(const std::filesystem::path& path, std::string_view data,
                         unsigned mode = 0644);

Status make_directories(const std::filesystem::path& path);
// Removes a tree, write-protected directories in it included; nothing there is fine.
Status remove_tree(const std::filesystem::path& path);
// Copies a tree with modes and symbolic links as they are; by reflink where the disk can.
// `to` may exist: files in it are replaced, others stay. Times are kept, owners and hard links
// are not; a socket, device or named pipe is an error, and so is `to` within `from`.
Status copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);
// Bytes of the regular files below.
std::uint64_t tree_size_bytes(const std::filesystem::path& path);

// A directory that is removed with the object.
class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> create(const std::filesystem::path& parent,
                                           std::string_view prefix);
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path release();  // keeps the directory

 private:
  explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// An exclusive flock(2) on a file, given back when the object or the process ends, kill -9
// included. The descriptor is not inherited by children.
class FileLock {
 public:
  // Nothing where somebody else holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::filesystem::path& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace aphex::os
