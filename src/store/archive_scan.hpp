#pragma once
// What stands in a tree, in the order in which it is packed.

#include <ctime>
#include <filesystem>
#include <vector>

#include <sys/types.h>

#include "os/cancel.hpp"
#include "store/archive.hpp"
#include "store/archive_tar.hpp"

namespace aphex::store {

// The state of a file by which a later change is noticed.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  timespec modified{};
};
bool same_stamp(const FileStamp& left, const FileStamp& right);

struct ScannedEntry {
  TarEntry tar;
  FileStamp stamp;  // of files
};

struct ScanRequest {
  const std::filesystem::path& root;
  const std::filesystem::path& archive;  // left out where it stands in the tree itself
  const PackOptions& options;
};

// Depth first, the names of a directory in byte order. Refuses what cannot be packed: sockets,
// pipes, devices, links out of the tree.
Result<std::vector<ScannedEntry>> scan_tree(const ScanRequest& request,
                                            const os::CancelToken& cancel);

}  // namespace aphex::store
