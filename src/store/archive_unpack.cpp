// Unpacking. Members of our own archives are inflated by several threads; of others, one thread
// inflates ahead. libarchive takes the tar stream apart, TreeWriter writes it.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.hpp"
#include "os/files.hpp"
#include "store/archive.hpp"
#include "store/archive_gzip.hpp"
#include "store/archive_library.hpp"
#include "store/archive_paths.hpp"
#include "store/archive_source.hpp"
#include "store/archive_tree_writer.hpp"
#include "store/pending_file.hpp"

namespace aphex::store {
namespace {

struct FreeArchive {
  void operator()(::archive* reader) const { libarchive().read_free(reader); }
};
using ArchiveHandle = std::unique_ptr<::archive, FreeArchive>;

// What libarchive's read callback works on.
struct Feed {
  TarSource& source;
  const os::CancelToken& cancel;
  std::string block;  // libarchive reads in it until it asks for the next
  std::optional<Error> error;
};

la_ssize_t feed_block(::archive* reader, void* data, const void** buffer) {
  Feed& feed = *static_cast<Feed*>(data);
  auto block = feed.cancel.cancelled()
                   ? Result<std::string>(fail(ErrorCode::cancelled, feed.cancel.reason()))
                   : feed.source.next();
  if (!block) {
    feed.error = std::move(block.error());
    libarchive().set_error(reader, EIO, "no more blocks");
    return -1;
  }
  feed.block = std::move(*block);
  *buffer = feed.block.data();
  return static_cast<la_ssize_t>(feed.block.size());
}

class Unpacker {
 public:
  Unpacker(Feed& feed, TreeWriter& writer, const UnpackLimits& limits)
      : feed_(feed), writer_(writer), limits_(limits), reader_(libarchive().read_new()) {}

  Result<ArchiveSummary> run() {
    if (reader_ == nullptr) return fail(ErrorCode::internal, "libarchive has no memory");
    libarchive().read_support_format_tar(reader_.get());
    if (libarchive().read_open(reader_.get(), &feed_, nullptr, feed_block, nullptr) != ARCHIVE_OK)
      return broken();
    while (true) {
      ::archive_entry* entry = nullptr;
      const int result = libarchive().read_next_header(reader_.get(), &entry);
      if (result == ARCHIVE_EOF) break;
      // A warning is about a name that the locale cannot show; its bytes are there all the same.
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return broken();
      if (feed_.cancel.cancelled()) return fail(ErrorCode::cancelled, feed_.cancel.reason());
      APHEX_CHECK(unpack_entry(entry));
    }
    APHEX_CHECK(drain());
    APHEX_CHECK(writer_.finish());
    return summary_;
  }

 private:
  tl::unexpected<Error> broken() {
    if (feed_.error) return fail(*feed_.error);
    const char* const why = libarchive().error_string(reader_.get());
    return fail(ErrorCode::corrupt,
                std::string("it is no tar archive that can be read: ") + (why ? why : "unknown"));
  }

  // Behind the end marker there may be only padding, whose checksums count like all others.
  Status drain() {
    while (true) {
      APHEX_TRY(const std::string block, feed_.source.next());
      if (block.empty()) return {};
      if (feed_.cancel.cancelled()) return fail(ErrorCode::cancelled, feed_.cancel.reason());
    }
  }

  Status unpack_entry(::archive_entry* entry) {
    const char* const name = libarchive().entry_pathname(entry);
    if (name == nullptr) return fail(ErrorCode::corrupt, "an entry has no readable name");
    if (++summary_.entries > limits_.max_entries)
      return fail(ErrorCode::corrupt,
                  "it has more than " + std::to_string(limits_.max_entries) + " entries");
    APHEX_TRY(const std::string path, normalize_entry_path(name));
    const mode_t type = libarchive().entry_filetype(entry);
    if (type == AE_IFDIR) return writer_.add_directory(path);
    if (path.empty()) return fail(ErrorCode::corrupt, "an entry stands for the root itself");
    if (const char* const target = libarchive().entry_hardlink(entry); target != nullptr) {
      APHEX_TRY(const std::string file, normalize_entry_path(target));
      return writer_.add_hard_link(path, file);
    }
    if (type == AE_IFLNK) return unpack_link(entry, path);
    if (type == AE_IFREG) return unpack_file(entry, path);
    return fail(ErrorCode::corrupt,
                "the entry \"" + path + "\" is neither a file nor a directory nor a link");
  }

  Status unpack_link(::archive_entry* entry, const std::string& path) {
    const char* const target = libarchive().entry_symlink(entry);
    if (target == nullptr)
      return fail(ErrorCode::corrupt, "the link \"" + path + "\" has no readable target");
    if (const auto problem = link_problem(path, target))
      return fail(ErrorCode::corrupt,
                  "the link \"" + path + "\" -> \"" + target + "\" is refused: " + *problem);
    return writer_.add_link(path, target);
  }

  Status unpack_file(::archive_entry* entry, const std::string& path) {
    const la_int64_t declared = libarchive().entry_size(entry);
    const auto size = static_cast<std::uint64_t>(std::max<la_int64_t>(declared, 0));
    if (declared < 0 || size > limits_.max_content_bytes - summary_.content_bytes)
      return fail(
          ErrorCode::corrupt,
          "it has more than " + std::to_string(limits_.max_content_bytes) + " bytes of content");
    summary_.content_bytes += size;
    const FileMode mode =
        (libarchive().entry_perm(entry) & S_IXUSR) != 0 ? FileMode::executable : FileMode::plain;
    if (size > TreeWriter::kMaxSmallFileBytes) return unpack_large(path, mode, size);
    std::string content(size, '\0');
    APHEX_CHECK(for_each_piece(path, size, [&](std::string_view piece, std::uint64_t at) {
      std::memcpy(content.data() + at, piece.data(), piece.size());
      return 0;
    }));
    return writer_.add_file(path, mode, std::move(content));
  }

  Status unpack_large(const std::string& path, FileMode mode, std::uint64_t size) {
    APHEX_TRY(os::Descriptor file, writer_.begin_file(path, mode));
    // Sparse archives leave holes; the size is right from the start.
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0)
      return fail_errno("Cannot write " + path, errno);
    APHEX_CHECK(for_each_piece(path, size, [&](std::string_view piece, std::uint64_t at) {
      if (::lseek(file.get(), static_cast<off_t>(at), SEEK_SET) < 0) return errno;
      return write_all(file.get(), piece);
    }));
    if (::close(file.release()) != 0) return fail_errno("Cannot write " + path, errno);
    return {};
  }

  template <typename Take>
  Status for_each_piece(const std::string& path, std::uint64_t size, Take take) {
    while (true) {
      const void* data = nullptr;
      std::size_t length = 0;
      la_int64_t offset = 0;
      const int result = libarchive().read_data_block(reader_.get(), &data, &length, &offset);
      if (result == ARCHIVE_EOF) return {};
      if (result != ARCHIVE_OK) return broken();
      if (length == 0) continue;
      const auto at = static_cast<std::uint64_t>(offset);
      if (offset < 0 || at > size || length > size - at)
        return fail(ErrorCode::corrupt, "the entry \"" + path + "\" is longer than it says");
      if (const int error = take({static_cast<const char*>(data), length}, at); error != 0)
        return fail_errno("Cannot write " + path, error);
    }
  }

  Feed& feed_;
  TreeWriter& writer_;
  const UnpackLimits& limits_;
  ArchiveHandle reader_;
  ArchiveSummary summary_;
};

struct UnpackJob {
  const std::filesystem::path& archive;
  const UnpackLimits& limits;
  const os::CancelToken& cancel;
};

// What a stream may inflate to at most: content, and headers with long names.
std::uint64_t stream_limit(const UnpackLimits& limits) {
  constexpr std::uint64_t kHeaderBytes = 16U << 10U;
  constexpr std::uint64_t kSlackBytes = 64U << 20U;
  return limits.max_content_bytes + limits.max_entries * kHeaderBytes + kSlackBytes;
}

Result<ArchiveSummary> unpack_into(const UnpackJob& job, const std::filesystem::path& directory) {
  WorkerPool pool(0);
  APHEX_TRY(const auto source, open_tar_source(job.archive, pool, stream_limit(job.limits)));
  APHEX_TRY(const auto writer, TreeWriter::open(directory, pool));
  Feed feed{*source, job.cancel, {}, {}};
  APHEX_TRY(ArchiveSummary summary, Unpacker(feed, *writer, job.limits).run());
  summary.archive_bytes = source->compressed_bytes();
  summary.sha256 = source->sha256_hex();
  return summary;
}

// Into a new directory beside it, so that `destination` is there whole or not at all.
Result<ArchiveSummary> unpack_new(const UnpackJob& job, const std::filesystem::path& destination) {
  const std::filesystem::path parent = directory_of(destination);
  APHEX_CHECK(os::make_directories(parent));
  const std::filesystem::path temporary = parent / temporary_name();
  if (::mkdir(temporary.c_str(), 0777) != 0)
    return fail_errno("Cannot create a directory in " + parent.string(), errno);
  auto summary = unpack_into(job, temporary);
  // Refuses a directory that somebody filled meanwhile.
  if (summary && ::rename(temporary.c_str(), destination.c_str()) != 0)
    summary =
        fail_errno("Cannot rename " + temporary.string() + " to " + destination.string(), errno);
  if (!summary) {
    // The first error is the one to report.
    static_cast<void>(os::remove_tree(temporary));
  }
  return summary;
}

}  // namespace

Result<ArchiveSummary> unpack(const std::filesystem::path& archive,
                              const std::filesystem::path& destination, const UnpackLimits& limits,
                              const os::CancelToken& cancel) {
  if (const std::string& problem = libarchive().problem; !problem.empty()) {
    return fail(ErrorCode::unsupported, "libarchive is needed to unpack archives: " + problem,
                "apt install libarchive13");
  }
  const UnpackJob job{archive, limits, cancel};
  std::filesystem::path place = destination;
  if (!place.has_filename()) place = place.parent_path();  // "out/"
  struct stat status {};
  const bool exists = ::stat(place.c_str(), &status) == 0;
  auto summary = exists ? unpack_into(job, place) : unpack_new(job, place);
  if (summary) return summary;
  Error error = std::move(summary.error());
  if (exists && error.hint.empty())
    error.hint = destination.string() + " was there before and may hold a part of it now";
  return fail_because(
      "Cannot unpack the archive " + archive.string() + " into " + destination.string(),
      std::move(error));
}

}  // namespace aphex::store
