#include "store/archive_tree_writer.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/pending_file.hpp"

namespace aphex::store {
namespace {

// Handing over single files costs more than writing many of them; too many at once hold memory and
// a descriptor for each of their directories (a soft limit of 1024 is common).
constexpr std::size_t kBatchFiles = 16;
constexpr std::size_t kBatchBytes = 1U << 20U;
constexpr std::size_t kMaxBatches = 16;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct SplitPath {
  std::string_view parent;
  std::string_view name;
};

SplitPath split_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool is_below(std::string_view path, std::string_view directory) {
  return directory.empty() || path == directory ||
         (path.size() > directory.size() && path.starts_with(directory) &&
          path[directory.size()] == '/');
}

}  // namespace

Result<std::unique_ptr<TreeWriter>> TreeWriter::open(const std::filesystem::path& root,
                                                     WorkerPool& pool) {
  // The root itself may be reached by a link: it is the caller's, not the archive's.
  os::Descriptor descriptor(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return fail_errno("Cannot open the directory " + root.string(), errno);
  return std::unique_ptr<TreeWriter>(new TreeWriter(root, std::move(descriptor), pool));
}

TreeWriter::TreeWriter(std::filesystem::path root, os::Descriptor descriptor, WorkerPool& pool)
    : root_(std::move(root)), pool_(pool) {
  stack_.push_back({"", std::make_shared<const os::Descriptor>(std::move(descriptor))});
}

// Tasks refer to this object.
TreeWriter::~TreeWriter() {
  for (auto& task : in_flight_)
    task.wait();
}

std::string TreeWriter::full(std::string_view path) const {
  return (root_ / path).string();
}

Status TreeWriter::enter(std::string_view path) {
  const auto seen = seen_.find(std::string(path));
  if (seen != seen_.end() && seen->second != Kind::directory)
    return fail(ErrorCode::corrupt,
                "The archive has " + std::string(path) + " as a directory and as a file or link");
  const SplitPath parts = split_path(path);
  const int parent = stack_.back().descriptor->get();
  const std::string name(parts.name);
  if (::mkdirat(parent, name.c_str(), 0777) != 0 && errno != EEXIST)
    return fail_errno("Cannot create the directory " + full(path), errno);
  os::Descriptor descriptor(::openat(parent, name.c_str(), kDirectoryFlags));
  if (!descriptor) {
    if (errno == ELOOP || errno == ENOTDIR)
      return fail(ErrorCode::already_exists,
                  full(path) + " is in the way: it is a link or a file, not a directory",
                  "remove it");
    return fail_errno("Cannot open the directory " + full(path), errno);
  }
  if (seen == seen_.end()) seen_.emplace(path, Kind::directory);
  stack_.push_back(
      {std::string(path), std::make_shared<const os::Descriptor>(std::move(descriptor))});
  return {};
}

Result<std::shared_ptr<const os::Descriptor>> TreeWriter::directory(std::string_view path) {
  while (!is_below(path, stack_.back().path))
    stack_.pop_back();
  while (stack_.back().path.size() < path.size()) {
    const std::size_t from = stack_.back().path.empty() ? 0 : stack_.back().path.size() + 1;
    APHEX_CHECK(enter(path.substr(0, path.find('/', from))));
  }
  return stack_.back().descriptor;
}

// Notes what stands at `path`; a second one has to wait until the first is written.
Status TreeWriter::claim(const std::string& path, Kind kind) {
  const auto [place, fresh] = seen_.emplace(path, kind);
  if (fresh) return {};
  if (place->second == Kind::directory || place->second != kind)
    return fail(ErrorCode::corrupt, "The archive has " + path + " twice, as different things");
  return wait_for_all();
}

Status TreeWriter::add_directory(const std::string& path) {
  APHEX_TRY(const auto unused, directory(path));
  static_cast<void>(unused);
  return {};
}

Status TreeWriter::add_file(const std::string& path, FileMode mode, std::string content) {
  APHEX_CHECK(claim(path, Kind::file));
  const SplitPath parts = split_path(path);
  APHEX_TRY(auto parent, directory(parts.parent));
  batch_bytes_ += content.size();
  batch_.push_back({std::move(parent), std::string(parts.name), path, mode, std::move(content)});
  if (batch_.size() < kBatchFiles && batch_bytes_ < kBatchBytes) return {};
  return send();
}

Status TreeWriter::add_link(const std::string& path, const std::string& target) {
  APHEX_CHECK(claim(path, Kind::link));
  links_.emplace_back(path, target);
  return {};
}

Status TreeWriter::add_hard_link(const std::string& path, const std::string& file) {
  const auto seen = seen_.find(file);
  if (seen == seen_.end() || seen->second != Kind::file)
    return fail(ErrorCode::corrupt, "The archive has " + path + " as a second name of " + file +
                                        ", which is no file of it");
  if (path == file) return {};
  APHEX_CHECK(claim(path, Kind::file));
  APHEX_CHECK(wait_for_all());
  const SplitPath from = split_path(file);
  APHEX_TRY(const auto from_directory, directory(from.parent));
  const SplitPath to = split_path(path);
  APHEX_TRY(const auto to_directory, directory(to.parent));
  const std::string from_name(from.name);
  const std::string to_name(to.name);
  ::unlinkat(to_directory->get(), to_name.c_str(), 0);
  if (::linkat(from_directory->get(), from_name.c_str(), to_directory->get(), to_name.c_str(), 0) !=
      0)
    return fail_errno("Cannot create " + full(path), errno);
  return {};
}

Result<os::Descriptor> TreeWriter::begin_file(const std::string& path, FileMode mode) {
  APHEX_CHECK(claim(path, Kind::file));
  const SplitPath parts = split_path(path);
  APHEX_TRY(auto parent, directory(parts.parent));
  return create({std::move(parent), std::string(parts.name), path, mode, {}});
}

// Runs in the pool as well: touches nothing but its arguments and what never changes.
Result<os::Descriptor> TreeWriter::create(const SmallFile& file) const {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const int parent = file.directory->get();
  const auto mode = static_cast<mode_t>(file.mode);
  os::Descriptor descriptor(::openat(parent, file.name.c_str(), kFlags, mode));
  if (!descriptor && errno == EEXIST) {
    // What is there may be a link, or have other names: it is replaced, not written into.
    if (::unlinkat(parent, file.name.c_str(), 0) != 0) {
      if (errno == EISDIR)
        return fail(ErrorCode::already_exists, full(file.path) + " is in the way: a directory",
                    "remove it");
      return fail_errno("Cannot replace " + full(file.path), errno);
    }
    descriptor = os::Descriptor(::openat(parent, file.name.c_str(), kFlags, mode));
  }
  if (!descriptor) return fail_errno("Cannot create " + full(file.path), errno);
  return descriptor;
}

Status TreeWriter::write(const Batch& batch) const {
  for (const SmallFile& file : batch) {
    APHEX_TRY(os::Descriptor descriptor, create(file));
    int error = write_all(descriptor.get(), file.content);
    if (::close(descriptor.release()) != 0 && error == 0) error = errno;
    if (error != 0) return fail_errno("Cannot write " + full(file.path), error);
  }
  return {};
}

Status TreeWriter::send() {
  if (batch_.empty()) return {};
  while (in_flight_.size() >= kMaxBatches)
    APHEX_CHECK(wait_for_one());
  auto batch = std::make_shared<const Batch>(std::exchange(batch_, {}));
  batch_bytes_ = 0;
  in_flight_.push_back(pool_.submit([this, batch](unsigned) { return write(*batch); }));
  return {};
}

Status TreeWriter::wait_for_one() {
  Status status = in_flight_.front().get();
  in_flight_.pop_front();
  return status;
}

Status TreeWriter::wait_for_all() {
  APHEX_CHECK(send());
  while (!in_flight_.empty())
    APHEX_CHECK(wait_for_one());
  return {};
}

Status TreeWriter::finish() {
  APHEX_CHECK(wait_for_all());
  for (const auto& [path, target] : links_) {
    const SplitPath parts = split_path(path);
    APHEX_TRY(const auto parent, directory(parts.parent));
    const std::string name(parts.name);
    if (::symlinkat(target.c_str(), parent->get(), name.c_str()) == 0) continue;
    if (errno == EEXIST && ::unlinkat(parent->get(), name.c_str(), 0) == 0 &&
        ::symlinkat(target.c_str(), parent->get(), name.c_str()) == 0)
      continue;
    return fail_errno("Cannot create the link " + full(path), errno);
  }
  return {};
}

}  // namespace aphex::store
