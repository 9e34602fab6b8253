#pragma once
// Deterministic .tar.gz archives: directories depth first with names in byte order, times and
// owners fixed, modes reduced to 0644/0755, symbolic links kept, hard links written as files, so
// that equal trees give equal bytes whatever the number of threads. Format: POSIX ustar with pax
// records where a name or size does not fit, compressed as a series of gzip members (RFC 1952
// allows concatenation), which is what makes both directions parallel; any tar and gzip read it
// (archive_tar.hpp, archive_gzip.hpp). The same libdeflate is needed for the same bytes: another
// version may compress otherwise.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/cancel.hpp"

namespace aphex::store {

struct PackOptions {
  // Relative paths below the root to pack, files or directories; empty: everything.
  std::vector<std::string> include;
  // Names of directories and files to leave out wherever they stand (".git").
  std::vector<std::string> exclude_names;
  // Relative paths below the root to leave out.
  std::vector<std::string> exclude_paths;
  unsigned threads = 0;  // 0: as many as processors
  int level = 4;         // libdeflate's 1 (fast) to 12 (small)
  unsigned mode = 0644;  // of the archive, less the umask
};

struct ArchiveSummary {
  std::uint64_t entries = 0;
  std::uint64_t content_bytes = 0;  // of regular files
  std::uint64_t archive_bytes = 0;
  std::string sha256;  // of the archive
};

// Writes to a temporary name beside `archive` and renames it when whole. Refuses by name what an
// archive cannot carry or unpack() would refuse: sockets, pipes, devices, links that are absolute
// or lead out of `root`. A file that changes meanwhile is a (retryable) error, never a broken
// archive.
Result<ArchiveSummary> pack(const std::filesystem::path& root, const std::filesystem::path& archive,
                            const PackOptions& options, const os::CancelToken& cancel);

struct UnpackLimits {
  std::uint64_t max_entries = 5'000'000;
  std::uint64_t max_content_bytes = 64ULL << 30U;
};

// Refuses before writing the entry: absolute names, "..", links that point out of the tree,
// entries through a link, devices and pipes, and archives past the limits; corrupt also when the
// archive is damaged or cut. Reads any tar.gz. Modes are 0644 or 0755 less the umask, times are
// now. A `destination` that does not exist appears whole or not at all; in one that exists, files
// of the same names are replaced, and a failure may leave a part (the hint says so).
Result<ArchiveSummary> unpack(const std::filesystem::path& archive,
                              const std::filesystem::path& destination, const UnpackLimits& limits,
                              const os::CancelToken& cancel);

}  // namespace aphex::store
