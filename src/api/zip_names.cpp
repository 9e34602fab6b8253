// PKWARE's APPNOTE.TXT 6.3.10: 4.3.16 is the end of the central directory, 4.3.12 its entries.
// Archives of more than 4 GiB (ZIP64) and of several volumes are none for Lambda.
#include "api/zip_names.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string_view>

namespace aphex {
namespace {

constexpr std::string_view kEndMark = "PK\5\6";
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kMaxCommentBytes = 65535;
constexpr std::string_view kEntryMark = "PK\1\2";
constexpr std::size_t kEntryBytes = 46;
// 65535 entries of names as long as a path of Linux would be more; ours has a handful.
constexpr std::size_t kMaxDirectoryBytes = 16U << 20U;

// Little endian.
std::size_t number_at(std::string_view bytes, std::size_t at, std::size_t width) {
  std::size_t number = 0;
  for (std::size_t i = width; i > 0; --i)
    number = number << 8U | static_cast<unsigned char>(bytes[at + i - 1]);
  return number;
}

struct Place {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

std::string read_at(std::ifstream& in, Place place) {
  std::string bytes(place.bytes, '\0');
  in.clear();
  in.seekg(static_cast<std::streamoff>(place.offset));
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return bytes;
}

tl::unexpected<Error> no_archive(const std::filesystem::path& path) {
  return fail(ErrorCode::corrupt, path.string() + " is no ZIP archive");
}

}  // namespace

Result<std::vector<std::string>> zip_names(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail_errno("cannot open " + path.string(), errno);
  in.seekg(0, std::ios::end);
  const std::streamoff length = in.tellg();
  if (!in || length < static_cast<std::streamoff>(kEndBytes)) return no_archive(path);
  const auto size = static_cast<std::size_t>(length);
  const std::size_t tail_bytes = std::min(size, kEndBytes + kMaxCommentBytes);
  const std::string tail = read_at(in, {size - tail_bytes, tail_bytes});
  const std::size_t end = tail.rfind(kEndMark);
  if (end == std::string::npos || tail.size() - end < kEndBytes) return no_archive(path);
  const std::size_t count = number_at(tail, end + 10, 2);
  const Place place{number_at(tail, end + 16, 4), number_at(tail, end + 12, 4)};
  if (place.bytes > kMaxDirectoryBytes || place.offset + place.bytes > size)
    return no_archive(path);
  const std::string directory = read_at(in, place);
  std::vector<std::string> names;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (directory.size() < at + kEntryBytes || directory.compare(at, 4, kEntryMark) != 0)
      return no_archive(path);
    const std::size_t name_bytes = number_at(directory, at + 28, 2);
    const std::size_t rest = number_at(directory, at + 30, 2) + number_at(directory, at + 32, 2);
    if (directory.size() < at + kEntryBytes + name_bytes) return no_archive(path);
    names.push_back(directory.substr(at + kEntryBytes, name_bytes));
    at += kEntryBytes + name_bytes + rest;
  }
  return names;
}

}  // namespace aphex
