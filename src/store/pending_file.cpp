#include "store/pending_file.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/sha256.hpp"

namespace aphex::store {
namespace {

constexpr std::string_view kTemporaryPrefix = ".aphex-";
constexpr std::string_view kTemporarySuffix = ".tmp";

}  // namespace

Result<Descriptor> open_for_reading(const std::filesystem::path& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) return fail_errno("Cannot open " + path.string(), errno);
  return descriptor;
}

int write_all(int descriptor, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(descriptor, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

Result<std::size_t> read_at(int descriptor, char* data, std::size_t size, std::size_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count =
        ::pread(descriptor, data + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail_errno("Cannot read", errno);
    }
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::string temporary_name() {
  std::array<char, 8> random{};
  // Fails only before the kernel is up; the name is still unique enough, and O_EXCL guards it.
  if (::getrandom(random.data(), random.size(), 0) < 0) random[0] = static_cast<char>(::getpid());
  return std::string(kTemporaryPrefix) + to_hex(std::string_view(random.data(), random.size())) +
         std::string(kTemporarySuffix);
}

bool is_temporary_name(std::string_view name) {
  return name.starts_with(kTemporaryPrefix) && name.ends_with(kTemporarySuffix);
}

Result<PendingFile> PendingFile::create(const std::filesystem::path& directory, unsigned mode) {
  std::filesystem::path path = directory / temporary_name();
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!descriptor) return fail_errno("Cannot create a file in " + directory.string(), errno);
  return PendingFile(std::move(path), std::move(descriptor));
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), descriptor_(std::move(other.descriptor_)) {}

PendingFile::~PendingFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Status PendingFile::write(std::string_view data) {
  if (const int error = write_all(descriptor_.get(), data); error != 0)
    return fail_errno("Cannot write " + path_.string(), error);
  return {};
}

Status PendingFile::commit(const std::filesystem::path& target, Durability durability) {
  if (durability == Durability::synced && ::fsync(descriptor_.get()) != 0)
    return fail_errno("Cannot write " + path_.string() + " to the disk", errno);
  // Some file systems report a failed write only here.
  if (::close(descriptor_.release()) != 0)
    return fail_errno("Cannot write " + path_.string(), errno);
  if (::rename(path_.c_str(), target.c_str()) != 0)
    return fail_errno("Cannot rename " + path_.string() + " to " + target.string(), errno);
  path_.clear();
  return {};
}

Status sync_directory(const std::filesystem::path& directory) {
  APHEX_TRY(const Descriptor descriptor, open_for_reading(directory));
  // EINVAL: a file system that does not sync directories; there is nothing more to be had.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL)
    return fail_errno("Cannot write " + directory.string() + " to the disk", errno);
  return {};
}

std::filesystem::path directory_of(const std::filesystem::path& path) {
  std::filesystem::path parent = path.parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

}  // namespace aphex::store
