#pragma once
// The headers of our tar archives: POSIX.1-2017 ustar, with a pax extended header only where a name
// or a size does not fit. Written here and not by libarchive because the place of every byte must
// be known before the first is written (that is what makes packing parallel), and must not change
// with a library's version or the locale. Reading, which faces foreign input, is libarchive's work.

#include <cstddef>
#include <cstdint>
#include <string>

namespace aphex::store {

inline constexpr std::size_t kTarBlockBytes = 512;
// Two blocks of zeros end an archive.
inline constexpr std::size_t kTarEndBytes = 2 * kTarBlockBytes;

enum class TarKind { directory, file, executable, link };

struct TarEntry {
  std::string path;  // relative, '/'-separated, no '/' at the end
  TarKind kind = TarKind::file;
  std::uint64_t size_bytes = 0;  // of a file's content
  std::string link_target;       // of a link
};

// All that stands before the content: a multiple of kTarBlockBytes.
std::string tar_header(const TarEntry& entry);

// Content is filled up with zeros to whole blocks.
constexpr std::uint64_t tar_padded(std::uint64_t size_bytes) {
  return (size_bytes + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes;
}

}  // namespace aphex::store
