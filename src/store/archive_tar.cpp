#include "store/archive_tar.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/text.hpp"

namespace aphex::store {
namespace {

// pax, "ustar Interchange Format": offsets and lengths of the fields.
struct Field {
  std::size_t offset;
  std::size_t length;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kTypeOffset = 156;
constexpr Field kLinkName{157, 100};
constexpr Field kMagic{257, 8};  // with the version
constexpr Field kDevMajor{329, 8};
constexpr Field kDevMinor{337, 8};
constexpr Field kPrefix{345, 155};

// Eleven octal digits: 8 GiB - 1.
constexpr std::uint64_t kMaxOctalSize = (1ULL << 33U) - 1;

using Block = std::array<char, kTarBlockBytes>;

void put_text(Block& block, Field field, std::string_view text) {
  if (text.empty()) return;
  std::memcpy(block.data() + field.offset, text.data(), std::min(text.size(), field.length));
}

void put_octal(Block& block, Field field, std::uint64_t value) {
  for (std::size_t i = field.length - 1; i-- > 0;) {
    block[field.offset + i] = static_cast<char>('0' + (value & 7U));
    value >>= 3U;
  }
}

void put_checksum(Block& block) {
  std::fill_n(block.begin() + kChecksum.offset, kChecksum.length, ' ');
  unsigned sum = 0;
  for (const char c : block)
    sum += static_cast<unsigned char>(c);
  // Six digits, NUL, blank: as every tar has written it.
  put_octal(block, {kChecksum.offset, 7}, sum);
  block[kChecksum.offset + 6] = '\0';
}

struct Names {
  std::string_view prefix;
  std::string_view name;
  bool fits = true;
};

// The longest name that leaves a prefix which fits.
Names split_name(std::string_view path) {
  if (path.size() <= kName.length) return {{}, path, true};
  const std::size_t first = path.size() - kName.length - 1;
  // A directory's own '/' at the end is no place to split.
  for (std::size_t i = first; i <= kPrefix.length && i + 1 < path.size(); ++i)
    if (path[i] == '/' && i > 0) return {path.substr(0, i), path.substr(i + 1), true};
  return {{}, path.substr(0, kName.length), false};
}

// "<length> <key>=<value>\n", where the length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length)
    length = std::to_string(length).size() + rest;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

struct Common {
  char type = '0';
  unsigned mode = 0644;
  std::uint64_t size_bytes = 0;
};

// Owner 0:0 and the epoch: equal trees give equal bytes, whoever packs them and when.
Block common_block(const Common& common) {
  Block block{};
  put_octal(block, kMode, common.mode);
  put_octal(block, kUid, 0);
  put_octal(block, kGid, 0);
  put_octal(block, kSize, std::min(common.size_bytes, kMaxOctalSize));
  put_octal(block, kMtime, 0);
  block[kTypeOffset] = common.type;
  put_text(block, kMagic, std::string_view("ustar\00000", 8));
  put_octal(block, kDevMajor, 0);
  put_octal(block, kDevMinor, 0);
  return block;
}

std::string extended_header(const std::string& records) {
  Block block = common_block({'x', 0644, records.size()});
  put_text(block, kName, "././@PaxHeader");
  put_checksum(block);
  std::string out(block.data(), block.size());
  out += records;
  out.resize(kTarBlockBytes + tar_padded(records.size()), '\0');
  return out;
}

Common common_of(const TarEntry& entry) {
  switch (entry.kind) {
    case TarKind::directory:
      return {'5', 0755, 0};
    case TarKind::file:
      return {'0', 0644, entry.size_bytes};
    case TarKind::executable:
      return {'0', 0755, entry.size_bytes};
    case TarKind::link:
      return {'2', 0777, 0};
  }
  return {};
}

}  // namespace

std::string tar_header(const TarEntry& entry) {
  const Common common = common_of(entry);
  const std::string path = entry.kind == TarKind::directory ? entry.path + "/" : entry.path;
  const Names names = split_name(path);
  std::string records;
  if (!names.fits) records += pax_record("path", path);
  if (entry.link_target.size() > kLinkName.length)
    records += pax_record("linkpath", entry.link_target);
  if (common.size_bytes > kMaxOctalSize)
    records += pax_record("size", std::to_string(common.size_bytes));
  // pax text is UTF-8 unless it says otherwise; file names are any bytes.
  if (!records.empty() && find_invalid_utf8(records))
    records = pax_record("hdrcharset", "BINARY") + records;

  Block block = common_block(common);
  put_text(block, kName, names.name);
  put_text(block, kPrefix, names.prefix);
  put_text(block, kLinkName, entry.link_target);
  put_checksum(block);
  std::string out = records.empty() ? std::string() : extended_header(records);
  out.append(block.data(), block.size());
  return out;
}

}  // namespace aphex::store
