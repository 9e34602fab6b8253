// Artifacts as files of a directory:
//   <root>/<key>                 the bytes
//   <root>/.aphex/format         "1\n", the version of this layout
//   <root>/.aphex/sha256/<key>   the SHA-256 of the bytes, lower-case hexadecimal, one line; two
//                                lines (new, old) while a blob is being replaced, or when that was
//                                cut off by a crash: either is right
//   <root>/.aphex/tmp/           files that are still being written
//   <root>/.aphex/lock           flock(2): exclusive to change names, shared to open a blob
//   together
//                                with its checksum; never held while bytes are copied
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "os/files.hpp"
#include "store/artifact_store.hpp"
#include "store/blob_hash.hpp"

namespace aphex::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "1";
constexpr std::size_t kMaxNoteBytes = 4096;
constexpr std::size_t kSha256Characters = 64;
// No upload takes longer: what is older was left behind by a killed process.
constexpr std::chrono::hours kLeftOverAge{24};

// A flock that waits. Held for moments only, so nobody needs to cancel the wait.
class StoreLock {
 public:
  enum class Kind : int { shared = LOCK_SH, exclusive = LOCK_EX };
  // The file is made where the directory is there and lets us.
  static Result<StoreLock> acquire(const fs::path& file, Kind kind) {
    Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!descriptor) descriptor = Descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!descriptor) return fail_errno("Cannot open the lock " + file.string(), errno);
    while (::flock(descriptor.get(), static_cast<int>(kind)) != 0)
      if (errno != EINTR) return fail_errno("Cannot lock " + file.string(), errno);
    return StoreLock(std::move(descriptor));
  }

 private:
  explicit StoreLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;  // closing it gives the lock back
};

struct OpenBlob {
  Descriptor file;
  std::uint64_t size_bytes = 0;
  std::vector<std::string> checksums;  // one, or two while it is being replaced
};

class DirectoryStore final : public ArtifactStore {
 public:
  explicit DirectoryStore(fs::path root) : root_(std::move(root)) {
    std::error_code ignored;  // a relative path stays as it is when there is no current directory
    if (auto absolute = fs::absolute(root_, ignored); !ignored) root_ = std::move(absolute);
    root_ = root_.lexically_normal();
    if (!root_.has_filename()) root_ = root_.parent_path();
  }

  std::string location() const override { return "file://" + root_.string(); }

  Result<BlobInfo> put_file(const std::string& key, const fs::path& file,
                            const os::CancelToken& cancel) override {
    APHEX_CHECK(check_key(key));
    auto blob = store(key, file, cancel);
    if (!blob)
      return fail_because("Cannot store " + file.string() + " as " + name_of(key),
                          std::move(blob.error()));
    return blob;
  }

  Result<BlobInfo> get_file(const std::string& key, const fs::path& file,
                            const os::CancelToken& cancel) override {
    APHEX_CHECK(check_key(key));
    auto blob = fetch(key, file, cancel);
    if (!blob) return fail_because("Cannot fetch " + name_of(key), std::move(blob.error()));
    return blob;
  }

  Result<BlobInfo> head(const std::string& key) override {
    APHEX_CHECK(check_key(key));
    auto blob = look_at(key);
    if (!blob) return fail_because("Cannot look at " + name_of(key), std::move(blob.error()));
    return blob;
  }

  Result<std::vector<BlobInfo>> list(const std::string& prefix) override;
  Status remove(const std::string& key) override;

 private:
  fs::path own(std::string_view name) const { return root_ / ".aphex" / name; }
  fs::path blob_path(const std::string& key) const { return root_ / key; }
  fs::path note_path(const std::string& key) const { return own("sha256") / key; }
  std::string name_of(const std::string& key) const { return location() + "/" + key; }

  Status check_format() const;
  Status prepare();
  void sweep_left_overs() const;
  Result<BlobInfo> store(const std::string& key, const fs::path& file,
                         const os::CancelToken& cancel);
  Result<BlobInfo> fetch(const std::string& key, const fs::path& file,
                         const os::CancelToken& cancel) const;
  Result<BlobInfo> look_at(const std::string& key) const;
  Status publish(PendingFile& pending, const BlobInfo& blob) const;
  Result<OpenBlob> open_blob(const std::string& key) const;
  std::vector<std::string> read_note(const std::string& key) const;

  fs::path root_;
  std::mutex prepare_mutex_;
  bool prepared_ = false;  // guarded by prepare_mutex_
};

// A newer program's layout is left alone.
Status DirectoryStore::check_format() const {
  const auto format = os::read_file(own("format"), kMaxNoteBytes);
  if (!format) {
    if (format.error().code == ErrorCode::not_found) return {};  // nothing was put yet
    return fail(format.error());
  }
  if (trim(*format) != kFormat)
    return fail(ErrorCode::unsupported,
                "The artifact store " + location() + " has format \"" + std::string(trim(*format)) +
                    "\"; this program knows " + std::string(kFormat),
                "use a newer version of this program, or another directory");
  return {};
}

Status DirectoryStore::prepare() {
  const std::lock_guard guard(prepare_mutex_);
  if (prepared_) return {};
  APHEX_CHECK(check_format());
  APHEX_CHECK(os::make_directories(own("tmp")));
  APHEX_CHECK(os::make_directories(own("sha256")));
  APHEX_CHECK(os::write_file_atomic(own("format"), std::string(kFormat) + "\n"));
  sweep_left_overs();
  prepared_ = true;
  return {};
}

// Best effort: what cannot be removed now is tried again next time.
void DirectoryStore::sweep_left_overs() const {
  const auto oldest = fs::file_time_type::clock::now() - kLeftOverAge;
  std::error_code error;
  for (fs::directory_iterator entry(own("tmp"), error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const auto modified = entry->last_write_time(ignored);
    if (!ignored && modified < oldest) fs::remove(entry->path(), ignored);
  }
}

Result<BlobInfo> DirectoryStore::store(const std::string& key, const fs::path& file,
                                       const os::CancelToken& cancel) {
  APHEX_CHECK(prepare());
  APHEX_TRY(const Descriptor source, open_for_reading(file));
  APHEX_TRY(PendingFile pending, PendingFile::create(own("tmp")));
  APHEX_TRY(HashedBytes copied, copy_and_hash(source, pending, cancel));
  BlobInfo blob{key, copied.size_bytes, std::move(copied.sha256)};
  // The long wait for the disk is outside of the lock.
  if (::fsync(pending.descriptor()) != 0)
    return fail_errno("Cannot write " + pending.path().string() + " to the disk", errno);
  APHEX_CHECK(publish(pending, blob));
  return blob;
}

// The checksum's file names the new and the old sum before the blob changes, so that no crash in
// between leaves a blob that its checksum does not fit.
Status DirectoryStore::publish(PendingFile& pending, const BlobInfo& blob) const {
  const fs::path target = blob_path(blob.key);
  const fs::path note = note_path(blob.key);
  APHEX_TRY(const StoreLock lock, StoreLock::acquire(own("lock"), StoreLock::Kind::exclusive));
  APHEX_CHECK(os::make_directories(directory_of(target)));
  std::string both = blob.sha256 + "\n";
  std::error_code error;
  const bool replaces = fs::exists(target, error);
  if (replaces)
    for (const std::string& old : read_note(blob.key))
      both += old + "\n";
  APHEX_CHECK(os::write_file_atomic(note, both));
  APHEX_CHECK(pending.commit(target, Durability::cached));
  if (replaces) APHEX_CHECK(os::write_file_atomic(note, blob.sha256 + "\n"));
  return sync_directory(directory_of(target));
}

std::vector<std::string> DirectoryStore::read_note(const std::string& key) const {
  std::vector<std::string> sums;
  const auto text = os::read_file(note_path(key), kMaxNoteBytes);
  if (!text) return sums;
  for (std::string& line : split(*text, '\n'))
    if (line.size() == kSha256Characters) sums.push_back(std::move(line));
  return sums;
}

Result<OpenBlob> DirectoryStore::open_blob(const std::string& key) const {
  APHEX_CHECK(check_format());
  auto lock = StoreLock::acquire(own("lock"), StoreLock::Kind::shared);
  if (!lock && lock.error().code == ErrorCode::not_found)
    return fail(ErrorCode::not_found, "there is no such artifact");
  if (!lock) return fail(std::move(lock.error()));
  OpenBlob blob;
  blob.file = Descriptor(::open(blob_path(key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!blob.file || ::fstat(blob.file.get(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return fail(ErrorCode::not_found, "there is no such artifact");
    return fail_errno("Cannot open it", errno);
  }
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::not_found, "there is no such artifact");
  blob.size_bytes = static_cast<std::uint64_t>(status.st_size);
  blob.checksums = read_note(key);
  if (blob.checksums.empty())
    return fail(ErrorCode::corrupt, "its checksum " + note_path(key).string() + " is missing",
                "it was not put there by this program; remove it and run the build again");
  return blob;
}

Result<BlobInfo> DirectoryStore::fetch(const std::string& key, const fs::path& file,
                                       const os::CancelToken& cancel) const {
  APHEX_TRY(const OpenBlob blob, open_blob(key));
  APHEX_TRY(PendingFile pending, PendingFile::create(directory_of(file)));
  APHEX_TRY(HashedBytes copied, copy_and_hash(blob.file, pending, cancel));
  if (std::find(blob.checksums.begin(), blob.checksums.end(), copied.sha256) ==
      blob.checksums.end())
    return fail(ErrorCode::corrupt,
                "its SHA-256 is " + copied.sha256 + ", not " + blob.checksums.front(),
                "remove it and run the build again");
  APHEX_CHECK(pending.commit(file, Durability::cached));
  return BlobInfo{key, copied.size_bytes, std::move(copied.sha256)};
}

Result<BlobInfo> DirectoryStore::look_at(const std::string& key) const {
  APHEX_TRY(const OpenBlob blob, open_blob(key));
  if (blob.checksums.size() == 1) return BlobInfo{key, blob.size_bytes, blob.checksums.front()};
  // A replacement was cut off: only the bytes tell which of the two stands here.
  APHEX_TRY(HashedBytes actual, hash_file(blob_path(key), os::CancelToken()));
  return BlobInfo{key, actual.size_bytes, std::move(actual.sha256)};
}

Result<std::vector<BlobInfo>> DirectoryStore::list(const std::string& prefix) {
  APHEX_CHECK(check_format());
  // The directory that all keys with this prefix lie in; a prefix with ".." has none.
  const std::string below = prefix.substr(0, prefix.rfind('/') + 1);
  if (!below.empty() && !check_key(below.substr(0, below.size() - 1)))
    return std::vector<BlobInfo>{};
  std::vector<BlobInfo> blobs;
  std::error_code error;
  fs::recursive_directory_iterator entry(root_ / below, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::string key = entry->path().lexically_relative(root_).generic_string();
    if (key == ".aphex") {
      entry.disable_recursion_pending();
      continue;
    }
    if (!key.starts_with(prefix)) continue;
    std::error_code gone;  // removed by somebody meanwhile
    if (!fs::is_regular_file(entry->symlink_status(gone))) continue;
    const auto size = entry->file_size(gone);
    if (gone) continue;
    std::vector<std::string> sums = read_note(key);
    blobs.push_back({std::move(key), size, sums.size() == 1 ? std::move(sums[0]) : ""});
  }
  // Nothing was put there, or the last blob of a directory went while we looked.
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return fail_errno("Cannot list " + name_of(prefix), error.value());
  std::sort(blobs.begin(), blobs.end(),
            [](const BlobInfo& left, const BlobInfo& right) { return left.key < right.key; });
  return blobs;
}

Status DirectoryStore::remove(const std::string& key) {
  APHEX_CHECK(check_key(key));
  APHEX_CHECK(check_format());
  auto lock = StoreLock::acquire(own("lock"), StoreLock::Kind::exclusive);
  if (!lock && lock.error().code == ErrorCode::not_found) return {};
  if (!lock) return fail(std::move(lock.error()));
  if (::unlink(blob_path(key).c_str()) != 0 && errno != ENOENT && errno != ENOTDIR &&
      errno != EISDIR)
    return fail_errno("Cannot remove " + name_of(key), errno);
  ::unlink(note_path(key).c_str());
  // Directories that became empty; rmdir(2) refuses the others.
  for (fs::path part = fs::path(key).parent_path(); !part.empty(); part = part.parent_path()) {
    ::rmdir(note_path(part.string()).c_str());
    if (::rmdir(blob_path(part.string()).c_str()) != 0) break;
  }
  return {};
}

}  // namespace

std::unique_ptr<ArtifactStore> make_directory_store(std::filesystem::path root) {
  return std::make_unique<DirectoryStore>(std::move(root));
}

}  // namespace aphex::store
