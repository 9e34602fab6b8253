#include "store/archive_gzip.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <libdeflate.h>
#include <unistd.h>
#include <zlib.h>

#include "base/sha256.hpp"

namespace aphex::store {
namespace {

constexpr std::size_t kTrailerBytes = 8;
constexpr std::uint8_t kMemberVersion = 1;
constexpr std::uint8_t kLastFlag = 1;
// Magic, deflate, FEXTRA; no time; no hint; operating system unknown; 12 bytes of extra field with
// the subfield AX of 8 bytes.
constexpr std::array<unsigned char, 16> kHeaderStart = {0x1f, 0x8b, 8,  4, 0,   0,   0, 0,
                                                        0,    255,  12, 0, 'A', 'X', 8, 0};
constexpr std::size_t kInputBytes = 256U << 10U;

void put_le32(char* at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i)
    at[i] = static_cast<char>((value >> (8 * i)) & 0xffU);
}

std::uint32_t get_le32(const char* at) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  return value;
}

tl::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::corrupt, std::move(what));
}

}  // namespace

std::optional<MemberHeader> parse_member_header(std::string_view header) {
  if (header.size() < kMemberHeaderBytes) return std::nullopt;
  if (std::memcmp(header.data(), kHeaderStart.data(), kHeaderStart.size()) != 0)
    return std::nullopt;
  if (static_cast<std::uint8_t>(header[20]) != kMemberVersion) return std::nullopt;
  const MemberHeader parsed{get_le32(header.data() + 16),
                            (static_cast<std::uint8_t>(header[21]) & kLastFlag) != 0
                                ? MemberPlace::last
                                : MemberPlace::inner};
  if (parsed.member_bytes <= kMemberHeaderBytes + kTrailerBytes ||
      parsed.member_bytes > kMaxMemberBytes)
    return std::nullopt;
  return parsed;
}

struct MemberCompressor::State {
  libdeflate_compressor* compressor;
  explicit State(int level) : compressor(libdeflate_alloc_compressor(level)) {
    if (compressor == nullptr) std::abort();  // no memory, or a level that our caller made up
  }
  ~State() { libdeflate_free_compressor(compressor); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

MemberCompressor::MemberCompressor(int level) : state_(std::make_unique<State>(level)) {}
MemberCompressor::~MemberCompressor() = default;
MemberCompressor::MemberCompressor(MemberCompressor&&) noexcept = default;
MemberCompressor& MemberCompressor::operator=(MemberCompressor&&) noexcept = default;

std::string MemberCompressor::compress(std::string_view content, MemberPlace place) {
  const std::size_t bound = libdeflate_deflate_compress_bound(state_->compressor, content.size());
  std::string member(kMemberHeaderBytes + bound + kTrailerBytes, '\0');
  const std::size_t deflated =
      libdeflate_deflate_compress(state_->compressor, content.data(), content.size(),
                                  member.data() + kMemberHeaderBytes, bound);
  if (deflated == 0) std::abort();  // cannot be: the bound is the library's own
  const std::size_t size = kMemberHeaderBytes + deflated + kTrailerBytes;
  if (size > kMaxMemberBytes) std::abort();
  member.resize(size);
  std::memcpy(member.data(), kHeaderStart.data(), kHeaderStart.size());
  put_le32(member.data() + 16, static_cast<std::uint32_t>(size));
  member[20] = static_cast<char>(kMemberVersion);
  member[21] = static_cast<char>(place == MemberPlace::last ? kLastFlag : 0);
  char* const trailer = member.data() + size - kTrailerBytes;
  put_le32(trailer, libdeflate_crc32(0, content.data(), content.size()));
  put_le32(trailer + 4, static_cast<std::uint32_t>(content.size()));
  return member;
}

struct MemberDecompressor::State {
  libdeflate_decompressor* decompressor = libdeflate_alloc_decompressor();
  State() {
    if (decompressor == nullptr) std::abort();
  }
  ~State() { libdeflate_free_decompressor(decompressor); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

MemberDecompressor::MemberDecompressor() : state_(std::make_unique<State>()) {}
MemberDecompressor::~MemberDecompressor() = default;
MemberDecompressor::MemberDecompressor(MemberDecompressor&&) noexcept = default;
MemberDecompressor& MemberDecompressor::operator=(MemberDecompressor&&) noexcept = default;

Result<std::string> MemberDecompressor::decompress(std::string_view member) {
  const char* const trailer = member.data() + member.size() - kTrailerBytes;
  const std::size_t size = get_le32(trailer + 4);
  // An empty piece would pass for the end of the stream.
  if (size == 0 || size > kMemberContentBytes)
    return corrupt("a member claims more or fewer bytes than it may have");
  std::string content(size, '\0');
  std::size_t actual = 0;
  const libdeflate_result result = libdeflate_deflate_decompress(
      state_->decompressor, member.data() + kMemberHeaderBytes,
      member.size() - kMemberHeaderBytes - kTrailerBytes, content.data(), content.size(), &actual);
  if (result != LIBDEFLATE_SUCCESS || actual != size)
    return corrupt("the compressed data are damaged");
  if (libdeflate_crc32(0, content.data(), content.size()) != get_le32(trailer))
    return corrupt("the checksum (CRC-32) differs");
  return content;
}

struct GzipStream::State {
  explicit State(int fd) : descriptor(fd) {
    // 15 bits of window, 16: gzip only. Fails only without memory.
    if (inflateInit2(&stream, 15 + 16) != Z_OK) std::abort();
  }
  ~State() { inflateEnd(&stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Reads more input when there is none; false at the end of the file.
  Result<bool> fill() {
    if (stream.avail_in > 0) return true;
    ssize_t count = 0;
    do {
      count = ::read(descriptor, input.data(), input.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) return fail_errno("cannot read", errno);
    hash.update(std::string_view(input.data(), static_cast<std::size_t>(count)));
    bytes += static_cast<std::uint64_t>(count);
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(count);
    return count > 0;
  }

  int descriptor;
  z_stream stream{};
  std::string input = std::string(kInputBytes, '\0');
  bool between_members = true;
  std::uint64_t members = 0;
  std::uint64_t bytes = 0;
  Sha256 hash;
};

GzipStream::GzipStream(int descriptor) : state_(std::make_unique<State>(descriptor)) {}
GzipStream::~GzipStream() = default;
std::uint64_t GzipStream::compressed_bytes() const {
  return state_->bytes;
}
std::string GzipStream::sha256_hex() {
  return to_hex(state_->hash.finish());
}

Result<std::string> GzipStream::next() {
  State& state = *state_;
  std::string output(kMemberContentBytes, '\0');
  state.stream.next_out = reinterpret_cast<Bytef*>(output.data());
  state.stream.avail_out = static_cast<uInt>(output.size());
  while (state.stream.avail_out > 0) {
    APHEX_TRY(const bool more, state.fill());
    if (!more) {
      if (!state.between_members || state.members == 0) return corrupt("it ends in the middle");
      break;
    }
    if (state.between_members && state.members > 0 && inflateReset(&state.stream) != Z_OK)
      return corrupt("the compressed data are damaged");
    state.between_members = false;
    const int result = inflate(&state.stream, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      state.between_members = true;
      ++state.members;
      continue;
    }
    if (result == Z_DATA_ERROR) {
      const char* const why = state.stream.msg;
      return corrupt(why != nullptr ? std::string("zlib says: ") + why
                                    : "the compressed data are damaged");
    }
    if (result != Z_OK && result != Z_BUF_ERROR) return corrupt("it cannot be inflated");
  }
  output.resize(output.size() - state.stream.avail_out);
  return output;
}

}  // namespace aphex::store
