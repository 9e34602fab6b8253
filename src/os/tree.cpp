// Whole directory trees, walked by descriptors: a path that somebody swaps for a symbolic link
// meanwhile leads nowhere else, and the depth of a path has no limit.
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/descriptor.hpp"
#include "os/files.hpp"

namespace aphex::os {

namespace {

// One descriptor per level is open. Real trees stay under 100; a soft limit of 1024 descriptors
// is common.
constexpr int kMaxDepth = 256;
constexpr std::size_t kCopyBytes = 1U << 20U;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr unsigned kModeBits = 07777;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// The names in a directory, read before anything in it changes.
Result<std::vector<std::string>> names_in(const Descriptor& directory,
                                          const std::filesystem::path& path) {
  const int again = ::openat(directory.get(), ".", kDirectoryFlags);
  if (again < 0) return fail_errno("cannot read the directory " + path.string(), errno);
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(again));
  if (stream == nullptr) {
    const int error_number = errno;
    ::close(again);
    return fail_errno("cannot read the directory " + path.string(), error_number);
  }
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    // Nobody else holds this stream.
    const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr) break;
    std::string name(entry->d_name);
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  if (errno != 0) return fail_errno("cannot read the directory " + path.string(), errno);
  return names;
}

// ---- remove ----

class Remover {
 public:
  // Removes `name` in `parent`, whatever it is.
  Status remove(int parent, const std::string& name, const std::filesystem::path& path) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    // Linux says EISDIR, POSIX EPERM; a directory without write permission says EACCES.
    const int error_number = errno;
    auto directory = open_directory(parent, name);
    if (!directory) return fail_errno("cannot remove " + path.string(), error_number);
    // What lies too deep is moved up to here, see empty_directory: until nothing comes any more.
    int moved_before = 0;
    do {
      moved_before = moved_up_;
      APHEX_CHECK(empty_directory(*directory, {*directory, path, 0}));
    } while (moved_up_ > moved_before);
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return fail_errno("cannot remove " + path.string(), errno);
    }
    return {};
  }

 private:
  struct Place {
    const Descriptor& root;
    const std::filesystem::path& path;
    int depth;
  };

  // Nothing where it is not a directory. Gives itself the permissions that it lacks.
  static std::optional<Descriptor> open_directory(int parent, const std::string& name) {
    Descriptor directory(::openat(parent, name.c_str(), kDirectoryFlags));
    if (!directory && errno == EACCES) {
      const Descriptor handle(
          ::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!handle) return std::nullopt;
      // fchmod refuses O_PATH; the link in /proc leads to just this directory.
      ::chmod(("/proc/self/fd/" + std::to_string(handle.get())).c_str(), S_IRWXU);
      directory = Descriptor(::openat(parent, name.c_str(), kDirectoryFlags));
    }
    if (!directory) return std::nullopt;
    struct stat status {};
    const bool writable =
        ::fstat(directory.get(), &status) == 0 && (status.st_mode & S_IRWXU) == S_IRWXU;
    if (!writable) ::fchmod(directory.get(), S_IRWXU);
    return directory;
  }

  Status empty_directory(const Descriptor& directory, const Place& place) {
    APHEX_TRY(const auto names, names_in(directory, place.path));
    for (const auto& name : names) {
      if (::unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
      const int error_number = errno;
      const auto path = place.path / name;
      const auto child = open_directory(directory.get(), name);
      if (!child) return fail_errno("cannot remove " + path.string(), error_number);
      if (place.depth == kMaxDepth) {
        const std::string moved = ".aphex-deep-" + std::to_string(++moved_up_);
        if (::renameat(directory.get(), name.c_str(), place.root.get(), moved.c_str()) != 0) {
          return fail_errno("cannot remove " + path.string(), errno);
        }
        continue;
      }
      APHEX_CHECK(empty_directory(*child, {place.root, path, place.depth + 1}));
      if (::unlinkat(directory.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
        return fail_errno("cannot remove " + path.string(), errno);
      }
    }
    return {};
  }

  int moved_up_ = 0;
};

// ---- copy ----

Status copy_by_buffer(int from, int to) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kCopyBytes);
  while (true) {
    const ssize_t count = ::read(from, buffer.get(), kCopyBytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("cannot read", errno);
    if (count == 0) return {};
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::write(to, buffer.get() + done, static_cast<std::size_t>(count - done));
      if (written < 0 && errno != EINTR) return fail_errno("cannot write", errno);
      if (written > 0) done += written;
    }
  }
}

// By reflink, else inside the kernel, else by hand (across file systems that refuse both).
Status copy_data(int from, int to, const struct stat& status) {
  if (status.st_size == 0) return copy_by_buffer(from, to);  // /proc says 0 for all
  if (::ioctl(to, FICLONE, from) == 0) return {};
  while (true) {
    const ssize_t count = ::copy_file_range(from, nullptr, to, nullptr, kCopyBytes << 10U, 0);
    if (count == 0) return {};
    // Both offsets have moved with what was copied: the buffer goes on from there.
    if (count < 0 && errno != EINTR) return copy_by_buffer(from, to);
  }
}

Status keep_mode_and_time(int to, const struct stat& status) {
  const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
  if (::fchmod(to, status.st_mode & kModeBits) != 0) return fail_errno("cannot set mode", errno);
  if (::futimens(to, times.data()) != 0) return fail_errno("cannot set time", errno);
  return {};
}

struct CopyTarget {
  int directory;
  const std::string& name;
};

Status copy_regular(const Descriptor& from, const struct stat& status, const CopyTarget& target) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  Descriptor to(::openat(target.directory, target.name.c_str(), kFlags, S_IRUSR | S_IWUSR));
  if (!to && errno == EEXIST && ::unlinkat(target.directory, target.name.c_str(), 0) == 0) {
    to = Descriptor(::openat(target.directory, target.name.c_str(), kFlags, S_IRUSR | S_IWUSR));
  }
  if (!to) return fail_errno("cannot create the copy", errno);
  APHEX_CHECK(copy_data(from.get(), to.get(), status));
  return keep_mode_and_time(to.get(), status);
}

Status copy_link(int parent, const CopyTarget& target) {
  std::string link(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(parent, target.name.c_str(), link.data(), link.size());
  if (length < 0) return fail_errno("cannot read the symbolic link", errno);
  link.resize(static_cast<std::size_t>(length));
  if (::symlinkat(link.c_str(), target.directory, target.name.c_str()) == 0) return {};
  if (errno == EEXIST && ::unlinkat(target.directory, target.name.c_str(), 0) == 0 &&
      ::symlinkat(link.c_str(), target.directory, target.name.c_str()) == 0) {
    return {};
  }
  return fail_errno("cannot create the symbolic link", errno);
}

Result<Descriptor> make_directory_at(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return fail_errno("cannot make the directory", errno);
  }
  Descriptor directory(::openat(parent, name.c_str(), kDirectoryFlags));
  if (!directory) return fail_errno("cannot open the directory of the copy", errno);
  return directory;
}

struct CopyPlace {
  std::filesystem::path path;  // for messages
  int depth;
};

Status copy_directory(const Descriptor& from, const Descriptor& to, const CopyPlace& place);

Status copy_entry(const Descriptor& from, const CopyTarget& target, const CopyPlace& place) {
  struct stat status {};
  const char* name = target.name.c_str();
  if (::fstatat(from.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno("cannot read it", errno);
  }
  if (S_ISLNK(status.st_mode)) return copy_link(from.get(), target);
  if (S_ISDIR(status.st_mode)) {
    const Descriptor source(::openat(from.get(), name, kDirectoryFlags));
    if (!source) return fail_errno("cannot open it", errno);
    APHEX_TRY(const Descriptor copy, make_directory_at(target.directory, target.name));
    APHEX_CHECK(copy_directory(source, copy, place));
    return keep_mode_and_time(copy.get(), status);
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::unsupported, "it is a device, a socket or a named pipe");
  }
  // O_NONBLOCK: were it swapped for a named pipe meanwhile, open would wait for ever.
  const Descriptor source(
      ::openat(from.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source || ::fstat(source.get(), &status) != 0) return fail_errno("cannot open it", errno);
  return copy_regular(source, status, target);
}

Status copy_directory(const Descriptor& from, const Descriptor& to, const CopyPlace& place) {
  if (place.depth > kMaxDepth) {
    return fail(ErrorCode::unsupported, place.path.string() + " lies deeper than " +
                                            std::to_string(kMaxDepth) + " directories");
  }
  APHEX_TRY(const auto names, names_in(from, place.path));
  for (const auto& name : names) {
    const CopyPlace below{place.path / name, place.depth + 1};
    if (auto copied = copy_entry(from, {to.get(), name}, below); !copied) {
      // One sentence for the place; directories above pass it on as it is.
      if (copied.error().cause != nullptr) return copied;
      return fail_because("cannot copy " + below.path.string(), std::move(copied.error()));
    }
  }
  return {};
}

bool lies_within(const std::filesystem::path& inner, const std::filesystem::path& outer) {
  std::error_code error;
  const auto inner_path = std::filesystem::weakly_canonical(inner, error);
  const auto outer_path = std::filesystem::weakly_canonical(outer, error);
  const auto relative = inner_path.lexically_relative(outer_path);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

Status remove_tree(const std::filesystem::path& path) {
  return Remover().remove(AT_FDCWD, path.string(), path);
}

Status copy_tree(const std::filesystem::path& from, const std::filesystem::path& to) {
  const std::string failed = "cannot copy " + from.string() + " to " + to.string();
  if (lies_within(to, from)) {
    return fail(ErrorCode::usage, failed + ": the copy would lie within what is copied");
  }
  const Descriptor source(::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  if (!source || ::fstat(source.get(), &status) != 0) return fail_errno(failed, errno);
  APHEX_CHECK(make_directories(to));
  const Descriptor target(::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!target) return fail_errno(failed, errno);
  auto copied = copy_directory(source, target, {from, 0});
  if (copied) copied = keep_mode_and_time(target.get(), status);
  return copied;
}

std::uint64_t tree_size_bytes(const std::filesystem::path& path) {
  using Iterator = std::filesystem::recursive_directory_iterator;
  std::uint64_t total = 0;
  std::error_code error;
  Iterator entry(path, std::filesystem::directory_options::skip_permission_denied, error);
  while (!error && entry != Iterator()) {
    // Files may vanish while we look: they count nothing.
    std::error_code vanished;
    if (entry->symlink_status(vanished).type() == std::filesystem::file_type::regular) {
      const auto size = entry->file_size(vanished);
      if (!vanished) total += size;
    }
    entry.increment(error);
  }
  return total;
}

}  // namespace aphex::os
