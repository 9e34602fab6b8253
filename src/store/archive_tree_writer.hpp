#pragma once
// Writes an archive's entries below one directory, and nowhere else: every directory is opened by
// its descriptor without following links, names and links are checked before, files are created
// anew (never written through one that is there), symbolic links come last.

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "store/worker_pool.hpp"

namespace aphex::store {

enum class FileMode : unsigned { plain = 0644, executable = 0755 };  // less the umask

// One thread calls it; the pool's threads write the small files.
class TreeWriter {
 public:
  // Larger files are written piece by piece with begin_file().
  static constexpr std::size_t kMaxSmallFileBytes = 1U << 20U;

  // `root` is an existing directory. The pool outlives the writer.
  static Result<std::unique_ptr<TreeWriter>> open(const std::filesystem::path& root,
                                                  WorkerPool& pool);
  ~TreeWriter();
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;

  // Paths are as of normalize_entry_path(). A path that comes again replaces what it was.
  Status add_directory(const std::string& path);
  Status add_file(const std::string& path, FileMode mode, std::string content);
  Status add_link(const std::string& path, const std::string& target);
  // A second name for a file of this archive.
  Status add_hard_link(const std::string& path, const std::string& file);
  // For the caller to write; closed by it.
  Result<os::Descriptor> begin_file(const std::string& path, FileMode mode);

  // Waits for the files and makes the links. Without it the tree is not whole.
  Status finish();

 private:
  enum class Kind { directory, file, link };
  struct Directory {
    std::string path;
    std::shared_ptr<const os::Descriptor> descriptor;
  };
  struct SmallFile {
    std::shared_ptr<const os::Descriptor> directory;
    std::string name;
    std::string path;
    FileMode mode = FileMode::plain;
    std::string content;
  };
  using Batch = std::vector<SmallFile>;

  TreeWriter(std::filesystem::path root, os::Descriptor descriptor, WorkerPool& pool);
  // Opens the directory, making what is missing of it.
  Result<std::shared_ptr<const os::Descriptor>> directory(std::string_view path);
  Status enter(std::string_view path);
  Status claim(const std::string& path, Kind kind);
  Status send();
  Status wait_for_one();
  Status wait_for_all();
  std::string full(std::string_view path) const;
  Result<os::Descriptor> create(const SmallFile& file) const;
  Status write(const Batch& batch) const;

  std::filesystem::path root_;
  WorkerPool& pool_;
  std::vector<Directory> stack_;  // from the root to the directory last used
  std::unordered_map<std::string, Kind> seen_;
  std::vector<std::pair<std::string, std::string>> links_;
  Batch batch_;
  std::size_t batch_bytes_ = 0;
  std::deque<std::future<Status>> in_flight_;
};

}  // namespace aphex::store
