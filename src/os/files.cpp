// Single files, locks and temporary directories; trees are in tree.cpp.
#include "os/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "os/descriptor.hpp"

namespace aphex::os {

namespace {

constexpr std::size_t kReadBytes = 64U << 10U;

Status write_whole(int descriptor, std::string_view data) {
  while (!data.empty()) {
    const ssize_t count = ::write(descriptor, data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("cannot write", errno);
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

// A rename is on disk only once its directory is.
Status sync_directory(const std::filesystem::path& directory) {
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return fail_errno("cannot open " + directory.string(), errno);
  // Some file systems cannot sync a directory and say so with EINVAL.
  if (::fsync(opened.get()) != 0 && errno != EINVAL) {
    return fail_errno("cannot sync " + directory.string(), errno);
  }
  return {};
}

Status fill_temporary(const Descriptor& file, std::string_view data, unsigned mode) {
  APHEX_CHECK(write_whole(file.get(), data));
  if (::fchmod(file.get(), mode) != 0) return fail_errno("cannot set its mode", errno);
  if (::fsync(file.get()) != 0) return fail_errno("cannot sync", errno);
  return {};
}

std::filesystem::path directory_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno("cannot open " + path.string(), errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("cannot read " + path.string(), errno);
  // The size is a first guess: files under /proc say 0, others grow while being read.
  const auto guess = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  std::string data;
  std::size_t filled = 0;
  while (true) {
    if (filled > max_bytes || guess > max_bytes) {
      return fail(ErrorCode::unsupported, path.string() + " is larger than " +
                                              human_bytes(max_bytes) + ", the most that is read");
    }
    if (filled == data.size())
      data.resize(std::max(guess + 1, filled + std::min(filled, kReadBytes) + 4096));
    const ssize_t count = ::read(file.get(), data.data() + filled, data.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("cannot read " + path.string(), errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  data.resize(filled);
  return data;
}

Status write_file_atomic(const std::filesystem::path& path, std::string_view data, unsigned mode) {
  const auto directory = directory_of(path);
  APHEX_CHECK(make_directories(directory));
  std::string temporary = (directory / ("." + path.filename().string() + ".XXXXXX")).string();
  Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  const std::string failed = "cannot write " + path.string();
  if (!file) return fail_errno(failed, errno);
  auto status = fill_temporary(file, data, mode);
  file.close();
  if (status && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = fail_errno("cannot rename " + temporary, errno);
  }
  if (!status) {
    ::unlink(temporary.c_str());
    return fail_because(failed, std::move(status.error()));
  }
  return sync_directory(directory);
}

Status make_directories(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail_errno("cannot make the directory " + path.string(), error.value());
  if (!std::filesystem::is_directory(path, error)) {
    return fail_errno("cannot make the directory " + path.string(), ENOTDIR);
  }
  return {};
}

// ---- TemporaryDirectory ----

Result<TemporaryDirectory> TemporaryDirectory::create(const std::filesystem::path& parent,
                                                      std::string_view prefix) {
  APHEX_CHECK(make_directories(parent));
  std::string path = (parent / (std::string(prefix) + "XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr) {
    return fail_errno("cannot make a temporary directory in " + parent.string(), errno);
  }
  return TemporaryDirectory(path);
}

TemporaryDirectory::~TemporaryDirectory() {
  // Nobody is left to hear of a failure; what stays is in a temporary place.
  if (!path_.empty()) static_cast<void>(remove_tree(path_));
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  if (this != &other) {
    const TemporaryDirectory old(std::exchange(path_, std::exchange(other.path_, {})));
  }
  return *this;
}

std::filesystem::path TemporaryDirectory::release() {
  return std::exchange(path_, {});
}

// ---- FileLock ----

Result<std::optional<FileLock>> FileLock::try_acquire(const std::filesystem::path& path) {
  APHEX_CHECK(make_directories(directory_of(path)));
  constexpr unsigned kLockMode = 0644;
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kLockMode));
  if (!file) return fail_errno("cannot open the lock file " + path.string(), errno);
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    return fail_errno("cannot lock " + path.string(), errno);
  }
  return std::optional<FileLock>(FileLock(file.release()));
}

FileLock::~FileLock() {
  if (descriptor_ < 0) return;
  // A child between fork and exec shares the lock through its copy: closing ours is not enough.
  ::flock(descriptor_, LOCK_UN);
  ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    const FileLock old(std::exchange(descriptor_, std::exchange(other.descriptor_, -1)));
  }
  return *this;
}

}  // namespace aphex::os
