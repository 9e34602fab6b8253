#include "server/operate/disk_room.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

namespace aphex::server {

std::optional<std::string> paused_for_disk(const std::filesystem::path& directory,
                                           std::uint64_t least_bytes) {
  struct statvfs room {};
  if (::statvfs(directory.c_str(), &room) != 0) return std::nullopt;
  const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (free >= least_bytes) return std::nullopt;
  constexpr std::uint64_t kMegabyte = 1U << 20U;
  return fmt::format("paused: disk, {} MB free where {} MB are the least (minimumFreeBytes)",
                     free / kMegabyte, least_bytes / kMegabyte);
}

}  // namespace aphex::server
