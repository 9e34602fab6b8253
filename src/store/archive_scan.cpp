#include "store/archive_scan.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/archive_paths.hpp"
#include "store/pending_file.hpp"

namespace aphex::store {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using DirectoryHandle = std::unique_ptr<DIR, CloseDirectory>;

FileStamp stamp_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim};
}

class Scanner {
 public:
  Scanner(const ScanRequest& request, Descriptor root, const os::CancelToken& cancel)
      : request_(request), root_(std::move(root)), cancel_(cancel) {
    for (const std::string& name : request.options.exclude_names)
      exclude_names_.insert(name);
  }

  Result<std::vector<ScannedEntry>> run() {
    APHEX_CHECK(prepare());
    if (request_.options.include.empty()) {
      APHEX_CHECK(scan_directory("", 0));
    } else {
      APHEX_CHECK(scan_included());
    }
    return std::move(entries_);
  }

 private:
  // The options' paths as entries name them.
  Status prepare() {
    for (const std::string& path : request_.options.exclude_paths) {
      APHEX_TRY(std::string clean, option_path("exclude_paths", path));
      exclude_paths_.insert(std::move(clean));
    }
    struct stat status {};
    if (::stat(request_.archive.c_str(), &status) == 0) archive_ = stamp_of(status);
    return {};
  }

  Result<std::string> option_path(std::string_view option, const std::string& path) const {
    auto clean = normalize_entry_path(path);
    if (clean) return clean;
    Error error = clean.error();
    error.code = ErrorCode::usage;
    error.hint = "paths to pack are relative to " + request_.root.string() + " and stay below it";
    return fail_because("Cannot pack \"" + path + "\" (" + std::string(option) + ")",
                        std::move(error));
  }

  Status scan_included() {
    std::vector<std::string> paths;
    for (const std::string& path : request_.options.include) {
      APHEX_TRY(std::string clean, option_path("include", path));
      if (clean.empty()) return scan_directory("", 0);
      paths.push_back(std::move(clean));
    }
    // '/' sorts before every other byte, as in the walk: what lies below follows at once.
    std::sort(paths.begin(), paths.end(), [](const std::string& left, const std::string& right) {
      return std::lexicographical_compare(
          left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
            const auto rank = [](char c) {
              return c == '/' ? 0U : static_cast<unsigned>(static_cast<unsigned char>(c));
            };
            return rank(a) < rank(b);
          });
    });
    std::string last;
    for (const std::string& path : paths) {
      if (!last.empty() && (path == last || path.starts_with(last + "/"))) continue;
      APHEX_CHECK(check_parents(path));
      const auto depth = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
      APHEX_CHECK(scan_entry(path, depth));
      last = path;
    }
    return {};
  }

  Status check_parents(const std::string& path) const {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const std::string parent = path.substr(0, slash);
      struct stat status {};
      if (::fstatat(root_.get(), parent.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("Cannot pack " + full(path), errno);
      if (S_ISLNK(status.st_mode))
        return fail(ErrorCode::usage,
                    "Cannot pack " + full(path) + ": " + full(parent) + " is a symbolic link",
                    "name the directory that the link points to");
    }
    return {};
  }

  std::string full(const std::string& path) const { return (request_.root / path).string(); }

  bool excluded(const std::string& path, std::string_view name) const {
    return exclude_names_.contains(std::string(name)) || exclude_paths_.contains(path);
  }

  Status scan_entry(const std::string& path, std::size_t depth) {
    const std::size_t slash = path.rfind('/');
    const std::string_view name =
        std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
    if (excluded(path, name)) return {};
    struct stat status {};
    if (::fstatat(root_.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("Cannot pack " + full(path), errno);
    if (S_ISDIR(status.st_mode)) {
      entries_.push_back({{path, TarKind::directory, 0, {}}, {}});
      return scan_directory(path, depth + 1);
    }
    if (S_ISLNK(status.st_mode)) return add_link(path);
    if (S_ISREG(status.st_mode)) {
      if (archive_.inode == status.st_ino && archive_.device == status.st_dev) return {};
      const TarKind kind = (status.st_mode & S_IXUSR) != 0 ? TarKind::executable : TarKind::file;
      entries_.push_back(
          {{path, kind, static_cast<std::uint64_t>(status.st_size), {}}, stamp_of(status)});
      return {};
    }
    return fail(
        ErrorCode::unsupported,
        "Cannot pack " + full(path) + ": it is neither a file nor a directory nor a symbolic link",
        "remove it, or leave it out of what is packed");
  }

  Status scan_directory(const std::string& path, std::size_t depth) {
    if (cancel_.cancelled()) return fail(ErrorCode::cancelled, cancel_.reason());
    if (depth > kMaxPathDepth)
      return fail(ErrorCode::unsupported, "Cannot pack " + full(path) + ": it is more than " +
                                              std::to_string(kMaxPathDepth) + " directories deep");
    APHEX_TRY(const std::vector<std::string> names, names_in(path));
    for (const std::string& name : names)
      APHEX_CHECK(scan_entry(path.empty() ? name : path + "/" + name, depth));
    return {};
  }

  // Read whole before going down: one descriptor at a time, however deep the tree is.
  Result<std::vector<std::string>> names_in(const std::string& path) const {
    Descriptor descriptor(::openat(root_.get(), path.empty() ? "." : path.c_str(),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!descriptor) return fail_errno("Cannot read the directory " + full(path), errno);
    const DirectoryHandle directory(::fdopendir(descriptor.get()));
    if (directory == nullptr) return fail_errno("Cannot read the directory " + full(path), errno);
    descriptor.release();  // closedir() closes it
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      // Nobody else holds this stream.
      const dirent* const entry = ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe)
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return fail_errno("Cannot read the directory " + full(path), errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  Status add_link(const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(root_.get(), path.c_str(), target.data(), target.size());
    if (length < 0) return fail_errno("Cannot read the link " + full(path), errno);
    std::string text(target.data(), static_cast<std::size_t>(length));
    if (const auto problem = link_problem(path, text))
      return fail(ErrorCode::unsupported,
                  "Cannot pack the symbolic link " + full(path) + " -> " + text + ": " + *problem,
                  "replace it by what it points to or by a relative link within " +
                      request_.root.string() + ", or leave it out of what is packed");
    entries_.push_back({{path, TarKind::link, 0, std::move(text)}, {}});
    return {};
  }

  const ScanRequest& request_;
  Descriptor root_;
  const os::CancelToken& cancel_;
  std::unordered_set<std::string> exclude_names_;
  std::unordered_set<std::string> exclude_paths_;
  FileStamp archive_;
  std::vector<ScannedEntry> entries_;
};

}  // namespace

bool same_stamp(const FileStamp& left, const FileStamp& right) {
  return left.device == right.device && left.inode == right.inode && left.size == right.size &&
         left.modified.tv_sec == right.modified.tv_sec &&
         left.modified.tv_nsec == right.modified.tv_nsec;
}

Result<std::vector<ScannedEntry>> scan_tree(const ScanRequest& request,
                                            const os::CancelToken& cancel) {
  Descriptor root(::open(request.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail_errno("Cannot read the directory " + request.root.string(), errno);
  return Scanner(request, std::move(root), cancel).run();
}

}  // namespace aphex::store
