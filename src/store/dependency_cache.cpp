// Layout of the cache: <root>/v1/<key>.tar.gz, the modification time is the last use. A lock file
// (<root>/v1/lock) lets one process evict at a time; nothing else needs it.
//
// Why archives: unpacking one of ours (node_modules of 9,255 files, 198 MB) took 0.30 s where
// copying the tree took 0.46 s (memory file system, 2 processors), and the disk holds a third of
// the bytes. Stored members took 0.40 s: reading more costs more than inflating. Hard links would
// be faster still, but a build that edits a file in place would then edit the cache.
#include "store/dependency_cache.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/sha256.hpp"
#include "base/text.hpp"
#include "os/files.hpp"
#include "store/archive.hpp"
#include "store/archive_paths.hpp"
#include "store/archive_scan.hpp"
#include "store/pending_file.hpp"

namespace aphex::store {
namespace {

namespace fs = std::filesystem;

// Part of every key: a change of what is hashed or stored begins anew.
constexpr std::string_view kFormat = "aphex-dependencies-1";
constexpr std::string_view kVersionDirectory = "v1";
constexpr std::string_view kSuffix = ".tar.gz";
// Reading and unpacking count more than size here: the cache never travels.
constexpr int kCacheLevel = 1;
constexpr std::size_t kMaxLockFileBytes = 256U << 20U;
constexpr std::size_t kKeyCharacters = 64;
// Nobody packs longer: what is older was left behind by a killed process.
constexpr std::chrono::hours kLeftOverAge{24};

constexpr std::array<std::string_view, 6> kLockFiles = {"package-lock.json", "npm-shrinkwrap.json",
                                                        "yarn.lock",         "pnpm-lock.yaml",
                                                        "bun.lock",          "bun.lockb"};
// They decide what the lock file's packages become on the disk (omit=dev, node-linker, …).
constexpr std::array<std::string_view, 3> kSettings = {".npmrc", ".yarnrc.yml",
                                                       "pnpm-workspace.yaml"};

// With lengths, so that no two lists of fields give the same bytes.
void add_field(Sha256& hash, std::string_view field) {
  hash.update(std::to_string(field.size()) + ":");
  hash.update(field);
}

enum class Found { yes, no };

Result<Found> add_file(Sha256& hash, const fs::path& working_copy, const fs::path& relative) {
  const auto content = os::read_file(working_copy / relative, kMaxLockFileBytes);
  if (!content) {
    if (content.error().code == ErrorCode::not_found) return Found::no;
    return fail(content.error());
  }
  add_field(hash, relative.generic_string());
  add_field(hash, *content);
  return Found::yes;
}

std::string_view major_of(std::string_view version) {
  if (version.starts_with('v')) version.remove_prefix(1);
  return version.substr(0, version.find('.'));
}

Result<fs::path> directory_in(const DependencySet& set) {
  APHEX_TRY(const std::string clean, normalize_entry_path(set.path));
  if (clean.empty())
    return fail(ErrorCode::usage, "The working copy itself cannot be a directory of dependencies");
  return fs::path(clean);
}

Status check_cache_key(std::string_view key) {
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (key.size() == kKeyCharacters && std::all_of(key.begin(), key.end(), hexadecimal)) return {};
  return fail(ErrorCode::usage, "\"" + std::string(key) + "\" is no key of the dependency cache");
}

struct CacheEntry {
  fs::path path;
  std::uint64_t size_bytes = 0;
  fs::file_time_type last_use;
};

// Entries, the least recently used first; left-overs of killed processes are removed on the way.
std::vector<CacheEntry> entries_in(const fs::path& directory) {
  std::vector<CacheEntry> entries;
  const auto oldest = fs::file_time_type::clock::now() - kLeftOverAge;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    const auto modified = entry->last_write_time(gone);
    const std::string name = entry->path().filename().string();
    if (gone) continue;
    if (is_temporary_name(name)) {
      if (modified < oldest) fs::remove(entry->path(), gone);
      continue;
    }
    const auto size = name.ends_with(kSuffix) ? entry->file_size(gone) : 0;
    if (name.ends_with(kSuffix) && !gone) entries.push_back({entry->path(), size, modified});
  }
  std::sort(entries.begin(), entries.end(), [](const CacheEntry& left, const CacheEntry& right) {
    return left.last_use < right.last_use;
  });
  return entries;
}

// The archive holds `path` as the working copy names it, because links in it may lead to the
// packages beside it. It is unpacked aside and renamed: there whole, or not at all.
Status unpack_to(const fs::path& archive, const fs::path& working_copy, const fs::path& path,
                 const os::CancelToken& cancel) {
  const fs::path destination = working_copy / path;
  APHEX_CHECK(os::make_directories(directory_of(destination)));
  APHEX_TRY(const auto aside, os::TemporaryDirectory::create(working_copy, ".aphex-restore-"));
  APHEX_CHECK(unpack(archive, aside.path(), UnpackLimits{}, cancel));
  std::error_code error;
  if (!fs::exists(fs::symlink_status(aside.path() / path, error)))
    return fail(ErrorCode::corrupt, archive.string() + " does not hold " + path.string());
  if (::rename((aside.path() / path).c_str(), destination.c_str()) != 0)
    return fail_errno("Cannot create " + destination.string(), errno);
  return {};
}

void mark_used(const fs::path& entry) {
  // A cache on a read-only disk still restores.
  static_cast<void>(::utimensat(AT_FDCWD, entry.c_str(), nullptr, 0));
}

}  // namespace

Result<std::optional<std::string>> dependency_key(const DependencySet& set) {
  APHEX_TRY(const fs::path path, directory_in(set));
  Sha256 hash;
  add_field(hash, kFormat);
  add_field(hash, set.platform);
  add_field(hash, major_of(set.node_version));
  add_field(hash, path.generic_string());
  Found any = Found::no;
  for (fs::path directory = path; !directory.empty();) {
    directory = directory.parent_path();
    for (const std::string_view name : kLockFiles) {
      APHEX_TRY(const Found found, add_file(hash, set.working_copy, directory / name));
      if (found == Found::yes) any = Found::yes;
    }
    for (const std::string_view name : kSettings)
      APHEX_CHECK(add_file(hash, set.working_copy, directory / name));
  }
  if (any == Found::no) return std::optional<std::string>();
  return std::optional(to_hex(hash.finish()));
}

Result<std::string> dependency_stamp(const DependencySet& set, const os::CancelToken& cancel) {
  APHEX_TRY(const fs::path path, directory_in(set));
  PackOptions options;
  options.include = {path.generic_string()};
  APHEX_TRY(const std::vector<ScannedEntry> entries,
            scan_tree({set.working_copy, fs::path(), options}, cancel));
  Sha256 hash;
  for (const ScannedEntry& entry : entries) {
    add_field(hash, entry.tar.path);
    add_field(hash, entry.tar.link_target);
    for (const std::int64_t number :
         {static_cast<std::int64_t>(entry.tar.kind), static_cast<std::int64_t>(entry.stamp.inode),
          static_cast<std::int64_t>(entry.stamp.size),
          static_cast<std::int64_t>(entry.stamp.modified.tv_sec),
          static_cast<std::int64_t>(entry.stamp.modified.tv_nsec)}) {
      add_field(hash, std::to_string(number));
    }
  }
  return to_hex(hash.finish());
}

DependencyCache::DependencyCache(fs::path root, DependencyCacheLimits limits)
    : root_(std::move(root)), limits_(limits) {}

fs::path DependencyCache::entry_path(const std::string& key) const {
  return root_ / kVersionDirectory / (key + std::string(kSuffix));
}

Result<CacheOutcome> DependencyCache::restore(const std::string& key, const DependencySet& set,
                                              const os::CancelToken& cancel) {
  APHEX_CHECK(check_cache_key(key));
  APHEX_TRY(const fs::path path, directory_in(set));
  const fs::path destination = set.working_copy / path;
  const fs::path entry = entry_path(key);
  std::error_code error;
  if (fs::exists(fs::symlink_status(destination, error))) return CacheOutcome::present;
  if (!fs::exists(entry, error)) return CacheOutcome::miss;
  mark_used(entry);
  auto status = unpack_to(entry, set.working_copy, path, cancel);
  if (status) return CacheOutcome::restored;
  const ErrorCode code = status.error().code;
  if (code == ErrorCode::corrupt) fs::remove(entry, error);
  // Evicted between the look and the opening.
  const bool evicted = code == ErrorCode::not_found && !fs::exists(entry, error);
  if (code == ErrorCode::corrupt || evicted) return CacheOutcome::miss;
  return fail_because("Cannot restore " + set.path + " from the dependency cache",
                      std::move(status.error()));
}

Status DependencyCache::save(const std::string& key, const DependencySet& set,
                             const os::CancelToken& cancel) {
  APHEX_CHECK(check_cache_key(key));
  APHEX_TRY(const fs::path path, directory_in(set));
  const fs::path entry = entry_path(key);
  std::error_code error;
  if (fs::exists(entry, error)) {
    mark_used(entry);
    return {};
  }
  APHEX_CHECK(os::make_directories(directory_of(entry)));
  PackOptions options;
  options.level = kCacheLevel;
  options.include = {path.generic_string()};
  if (auto summary = pack(set.working_copy, entry, options, cancel); !summary)
    return fail_because("Cannot keep " + set.path + " in the dependency cache",
                        std::move(summary.error()));
  return evict();
}

Status DependencyCache::adopt(const std::string& key, const fs::path& archive) {
  APHEX_CHECK(check_cache_key(key));
  const fs::path entry = entry_path(key);
  std::error_code error;
  if (fs::exists(entry, error)) {
    mark_used(entry);
    return {};
  }
  APHEX_CHECK(os::make_directories(directory_of(entry)));
  // A second name for the same bytes; a copy where they lie on another disk.
  fs::create_hard_link(archive, entry, error);
  if (!error || error == std::errc::file_exists) return evict();
  const fs::path aside = directory_of(entry) / temporary_name();
  fs::copy_file(archive, aside, error);
  if (!error) fs::rename(aside, entry, error);
  if (!error) return evict();
  std::error_code ignored;
  fs::remove(aside, ignored);
  return fail_errno("Cannot keep " + archive.string() + " in the dependency cache", error.value());
}

std::optional<fs::path> DependencyCache::archive(const std::string& key) const {
  std::error_code error;
  if (!check_cache_key(key) || !fs::is_regular_file(entry_path(key), error)) return std::nullopt;
  return entry_path(key);
}

Status DependencyCache::evict() const {
  const fs::path directory = root_ / kVersionDirectory;
  APHEX_TRY(const auto lock, os::FileLock::try_acquire(directory / "lock"));
  if (!lock) return {};  // somebody else is at it
  std::vector<CacheEntry> entries = entries_in(directory);
  std::uint64_t bytes = 0;
  for (const CacheEntry& entry : entries)
    bytes += entry.size_bytes;
  std::size_t count = entries.size();
  // The one used last stays, even if it is too large alone: it was just saved for the next run.
  for (const CacheEntry& entry : entries) {
    if (count <= 1 || (bytes <= limits_.max_bytes && count <= limits_.max_entries)) break;
    std::error_code gone;
    fs::remove(entry.path, gone);
    bytes -= entry.size_bytes;
    --count;
  }
  return {};
}

}  // namespace aphex::store
