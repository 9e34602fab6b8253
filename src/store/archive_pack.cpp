// Packing. The tree is scanned first, so the place of every byte of the tar stream is known before
// the first is read. The stream is cut into blocks of kMemberContentBytes; each is a task on its
// own: read the files that lie in it, compress, done. One thread puts the members in order.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/sha256.hpp"
#include "store/archive.hpp"
#include "store/archive_gzip.hpp"
#include "store/archive_scan.hpp"
#include "store/pending_file.hpp"
#include "store/worker_pool.hpp"

namespace aphex::store {
namespace {

// Finished members wait for their turn; this many for each worker are in flight.
constexpr std::size_t kBlocksPerWorker = 3;
constexpr int kMaxLevel = 12;

// The tar stream as it will be: entry i stands at offsets[i], the last offset is the end marker's.
struct Layout {
  std::vector<ScannedEntry> entries;
  std::vector<std::uint64_t> offsets;
  std::uint64_t content_bytes = 0;

  std::uint64_t stream_bytes() const { return offsets.back() + kTarEndBytes; }
};

std::uint64_t content_size(const TarEntry& entry) {
  return entry.kind == TarKind::file || entry.kind == TarKind::executable ? entry.size_bytes : 0;
}

Layout lay_out(std::vector<ScannedEntry> entries) {
  Layout layout{std::move(entries), {}, 0};
  layout.offsets.reserve(layout.entries.size() + 1);
  std::uint64_t offset = 0;
  for (const ScannedEntry& entry : layout.entries) {
    layout.offsets.push_back(offset);
    const std::uint64_t content = content_size(entry.tar);
    offset += tar_header(entry.tar).size() + tar_padded(content);
    layout.content_bytes += content;
  }
  layout.offsets.push_back(offset);
  return layout;
}

// A window of the stream, filled from left to right.
class Window {
 public:
  Window(char* data, std::uint64_t begin, std::uint64_t end)
      : data_(data), begin_(begin), end_(end), position_(begin) {}

  bool full() const { return position_ == end_; }

  // The part of [at, at + size) that lies in the window and comes next; empty when none does.
  struct Part {
    char* to = nullptr;
    std::size_t size = 0;
    std::uint64_t skipped = 0;  // of the source, before the part
  };
  Part take(std::uint64_t at, std::uint64_t size) {
    const std::uint64_t from = std::max(at, position_);
    const std::uint64_t to = std::min(at + size, end_);
    if (from >= to) return {};
    const Part part{data_ + (from - begin_), static_cast<std::size_t>(to - from), from - at};
    position_ = to;
    return part;
  }

 private:
  char* data_;
  std::uint64_t begin_;
  std::uint64_t end_;
  std::uint64_t position_;
};

class BlockReader {
 public:
  BlockReader(const std::filesystem::path& root, const Layout& layout,
              const os::CancelToken& cancel)
      : root_path_(root), layout_(layout), cancel_(cancel) {}

  Status open() {
    root_ = Descriptor(::open(root_path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return fail_errno("Cannot read the directory " + root_path_.string(), errno);
    return {};
  }

  // Bytes [begin, end) of the stream into `data`. Thread-safe.
  Status read(char* data, std::uint64_t begin, std::uint64_t end) const {
    Window window(data, begin, end);
    const auto& offsets = layout_.offsets;
    const auto next = std::upper_bound(offsets.begin(), offsets.end(), begin);
    auto index = static_cast<std::size_t>(next - offsets.begin()) - 1;
    for (; index < layout_.entries.size() && !window.full(); ++index) {
      if (cancel_.cancelled()) return fail(ErrorCode::cancelled, cancel_.reason());
      APHEX_CHECK(read_entry(index, window));
    }
    if (const auto part = window.take(offsets.back(), kTarEndBytes); part.size > 0)
      std::memset(part.to, 0, part.size);
    return {};
  }

 private:
  Status read_entry(std::size_t index, Window& window) const {
    const ScannedEntry& entry = layout_.entries[index];
    std::uint64_t at = layout_.offsets[index];
    const std::string header = tar_header(entry.tar);
    if (const auto part = window.take(at, header.size()); part.size > 0)
      std::memcpy(part.to, header.data() + part.skipped, part.size);
    at += header.size();
    const std::uint64_t content = content_size(entry.tar);
    if (const auto part = window.take(at, content); part.size > 0)
      APHEX_CHECK(read_content(entry, part));
    at += content;
    if (const auto part = window.take(at, tar_padded(content) - content); part.size > 0)
      std::memset(part.to, 0, part.size);
    return {};
  }

  Status read_content(const ScannedEntry& entry, const Window::Part& part) const {
    const std::string path = (root_path_ / entry.tar.path).string();
    const Descriptor file(::openat(root_.get(), entry.tar.path.c_str(),
                                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) {
      if (errno == ENOENT || errno == ELOOP || errno == ENOTDIR) return changed(path);
      return fail_errno("Cannot pack " + path, errno);
    }
    APHEX_TRY(const bool before, unchanged(file, entry));
    if (!before) return changed(path);
    auto count = read_at(file.get(), part.to, part.size, part.skipped);
    if (!count) return fail_because("Cannot pack " + path, std::move(count.error()));
    // Looked at again behind the read: what was written in between shows here.
    APHEX_TRY(const bool after, unchanged(file, entry));
    if (*count != part.size || !after) return changed(path);
    return {};
  }

  static Result<bool> unchanged(const Descriptor& file, const ScannedEntry& entry) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return fail_errno("Cannot look at a file", errno);
    return same_stamp(entry.stamp, {status.st_dev, status.st_ino, status.st_size, status.st_mtim});
  }

  static Status changed(const std::string& path) {
    Error error{.code = ErrorCode::io,
                .message = "The file " + path + " changed while it was packed",
                .hint = "end what still writes to it, or leave it out of what is packed",
                .retry = Retry::retryable,
                .exit_code = 0,
                .cause = nullptr};
    return fail(std::move(error));
  }

  const std::filesystem::path& root_path_;
  const Layout& layout_;
  const os::CancelToken& cancel_;
  Descriptor root_;
};

// What each worker keeps between blocks.
struct Workbench {
  explicit Workbench(int level) : compressor(level), content(kMemberContentBytes, '\0') {}
  MemberCompressor compressor;
  std::string content;
};

class Packer {
 public:
  Packer(const BlockReader& reader, const Layout& layout, const PackOptions& options)
      : reader_(reader), layout_(layout), pool_(options.threads) {
    const int level = std::clamp(options.level, 0, kMaxLevel);
    benches_.reserve(pool_.size());
    for (unsigned worker = 0; worker < pool_.size(); ++worker)
      benches_.emplace_back(level);
  }

  Result<ArchiveSummary> write_to(PendingFile& file, const os::CancelToken& cancel) {
    ArchiveSummary summary{layout_.entries.size(), layout_.content_bytes, 0, {}};
    Sha256 hash;
    std::deque<std::future<Result<std::string>>> in_flight;
    const std::uint64_t end = layout_.stream_bytes();
    std::uint64_t next = 0;
    while (next < end || !in_flight.empty()) {
      while (next < end && in_flight.size() < kBlocksPerWorker * pool_.size()) {
        in_flight.push_back(submit(next));
        next += kMemberContentBytes;
      }
      APHEX_TRY(const std::string member, in_flight.front().get());
      in_flight.pop_front();
      if (cancel.cancelled()) return fail(ErrorCode::cancelled, cancel.reason());
      APHEX_CHECK(file.write(member));
      hash.update(member);
      summary.archive_bytes += member.size();
    }
    summary.sha256 = to_hex(hash.finish());
    return summary;
  }

 private:
  std::future<Result<std::string>> submit(std::uint64_t begin) {
    return pool_.submit([this, begin](unsigned worker) -> Result<std::string> {
      Workbench& bench = benches_[worker];
      const std::uint64_t end = std::min(begin + kMemberContentBytes, layout_.stream_bytes());
      const auto size = static_cast<std::size_t>(end - begin);
      APHEX_CHECK(reader_.read(bench.content.data(), begin, end));
      return bench.compressor.compress(
          std::string_view(bench.content).substr(0, size),
          end == layout_.stream_bytes() ? MemberPlace::last : MemberPlace::inner);
    });
  }

  const BlockReader& reader_;
  const Layout& layout_;
  std::vector<Workbench> benches_;
  WorkerPool pool_;  // last: its threads use all of the above
};

Result<ArchiveSummary> pack_unnamed(const ScanRequest& request, const os::CancelToken& cancel) {
  APHEX_TRY(auto entries, scan_tree(request, cancel));
  const Layout layout = lay_out(std::move(entries));
  BlockReader reader(request.root, layout, cancel);
  APHEX_CHECK(reader.open());
  APHEX_TRY(PendingFile file,
            PendingFile::create(directory_of(request.archive), request.options.mode));
  APHEX_TRY(ArchiveSummary summary, Packer(reader, layout, request.options).write_to(file, cancel));
  APHEX_CHECK(file.commit(request.archive, Durability::cached));
  return summary;
}

}  // namespace

Result<ArchiveSummary> pack(const std::filesystem::path& root, const std::filesystem::path& archive,
                            const PackOptions& options, const os::CancelToken& cancel) {
  auto summary = pack_unnamed({root, archive, options}, cancel);
  if (!summary)
    return fail_because("Cannot write the archive " + archive.string(), std::move(summary.error()));
  return summary;
}

}  // namespace aphex::store
