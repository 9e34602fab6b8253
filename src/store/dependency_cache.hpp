#pragma once
// Installed dependencies (node_modules), kept by what determines them, so that a build whose lock
// files did not change need not install them again.
//
// One archive per key in a directory of this machine. Several runs may use it at once: entries
// appear whole or not at all, and one that is evicted while it is being read stays readable.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/cancel.hpp"

namespace aphex::store {

// What determines the content of a directory of dependencies, apart from the lock files.
struct DependencySet {
  std::filesystem::path working_copy;
  std::string path;          // below the working copy: "node_modules", "packages/a/node_modules"
  std::string node_version;  // as `node --version` says: "v20.11.1"; its major number counts
  std::string platform;      // "linux-x64": native modules differ
};

// SHA-256 over format, platform, major version, path, and the lock files and npm settings
// (package-lock.json, npm-shrinkwrap.json, yarn.lock, pnpm-lock.yaml, bun.lock, .npmrc, …) beside
// the directory and in every directory above it up to the working copy. Nothing where no lock file
// is there: then nobody knows what an installation would bring.
Result<std::optional<std::string>> dependency_key(const DependencySet& set);

// A hash over what lies at working_copy/path: names, kinds, sizes, inodes, times of change. Equal
// stamps mean that nobody wrote there in between, so that packing it again would give what an
// archive of then holds.
Result<std::string> dependency_stamp(const DependencySet& set, const os::CancelToken& cancel);

enum class CacheOutcome {
  restored,
  miss,
  present,  // the directory is already there: left as it is
};

struct DependencyCacheLimits {
  // A node_modules of a CDK application is 30 to 150 MB packed; some dozens of lock-file states
  // cover the branches that a team works on.
  std::uint64_t max_bytes = 5ULL << 30U;
  std::size_t max_entries = 64;
};

class DependencyCache {
 public:
  explicit DependencyCache(std::filesystem::path root, DependencyCacheLimits limits = {});

  // Puts what was saved under `key` to working_copy/path. A damaged entry is removed, and a miss.
  Result<CacheOutcome> restore(const std::string& key, const DependencySet& set,
                               const os::CancelToken& cancel);
  // Keeps working_copy/path under `key`, then evicts the least recently used beyond the limits.
  // Keeps what is there already: the same key means the same content.
  Status save(const std::string& key, const DependencySet& set, const os::CancelToken& cancel);
  // As save(), of an `archive` that pack() has just made of working_copy/path and nothing else:
  // nothing is packed twice. `archive` may be removed afterwards.
  Status adopt(const std::string& key, const std::filesystem::path& archive);
  // What is kept under `key`; nothing where nothing is. It may be evicted at any time.
  std::optional<std::filesystem::path> archive(const std::string& key) const;

 private:
  std::filesystem::path entry_path(const std::string& key) const;
  Status evict() const;

  std::filesystem::path root_;
  DependencyCacheLimits limits_;
};

}  // namespace aphex::store
