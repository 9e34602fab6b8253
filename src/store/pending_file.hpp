#pragma once
// A file that has no name that anybody reads until it is whole.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/descriptor.hpp"

namespace aphex::store {

using os::Descriptor;

Result<Descriptor> open_for_reading(const std::filesystem::path& path);

// 0, or errno. Goes on after signals and short writes.
int write_all(int descriptor, std::string_view data);

// Fills `size` bytes from `offset`; how many came (fewer only at the end of the file).
Result<std::size_t> read_at(int descriptor, char* data, std::size_t size, std::size_t offset);

// What temporary names of ours look like: ".aphex-<random>.tmp".
std::string temporary_name();
bool is_temporary_name(std::string_view name);

enum class Durability {
  cached,  // survives our own end, not the machine's
  synced,  // on the disk before it gets its name
};

// A new file beside the place where it will stand; removed unless committed.
class PendingFile {
 public:
  // In `directory`, which exists.
  static Result<PendingFile> create(const std::filesystem::path& directory, unsigned mode = 0644);
  ~PendingFile();
  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;

  int descriptor() const { return descriptor_.get(); }
  const std::filesystem::path& path() const { return path_; }
  Status write(std::string_view data);
  // Closes it and renames it to `target`, replacing what is there in one step.
  Status commit(const std::filesystem::path& target, Durability durability);

 private:
  PendingFile(std::filesystem::path path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
  std::filesystem::path path_;  // empty once committed or moved from
  Descriptor descriptor_;
};

// fsync(2) of a directory: what was renamed into it stays after a power cut.
Status sync_directory(const std::filesystem::path& directory);

// The directory that holds `path`: "." for a bare name.
std::filesystem::path directory_of(const std::filesystem::path& path);

}  // namespace aphex::store
