#pragma once
// gzip (RFC 1952) in members that can be packed and unpacked on their own.
//
// Our archives are a series of members, each of one block of the tar stream. Every member's header
// has an extra field with one subfield, by which a reader finds the next member without inflating
// this one, and knows the last; any other gzip skips it:
//   'A' 'X'  length 8 (LE16)  member's size in bytes (LE32)  version (1)  flags (bit 0: last)  0 0

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aphex::store {

// How much of the tar stream goes into one member. Larger ones pack hardly better (deflate looks
// back 32 KiB), smaller ones cost more headers and less even work.
inline constexpr std::size_t kMemberContentBytes = 1U << 20U;
inline constexpr std::size_t kMemberHeaderBytes = 24;
// The worst that deflate makes of kMemberContentBytes, with headers, and room to spare: a member
// that claims more is damaged.
inline constexpr std::size_t kMaxMemberBytes = kMemberContentBytes + (64U << 10U);

enum class MemberPlace { inner, last };

struct MemberHeader {
  std::uint32_t member_bytes = 0;  // with header and trailer
  MemberPlace place = MemberPlace::inner;
};

// Nothing when these are not the first kMemberHeaderBytes of a member of ours.
std::optional<MemberHeader> parse_member_header(std::string_view header);

// Not thread-safe: one per thread.
class MemberCompressor {
 public:
  explicit MemberCompressor(int level);  // 0 (stored) to 12
  ~MemberCompressor();
  MemberCompressor(MemberCompressor&&) noexcept;
  MemberCompressor& operator=(MemberCompressor&&) noexcept;
  std::string compress(std::string_view content, MemberPlace place);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Not thread-safe: one per thread.
class MemberDecompressor {
 public:
  MemberDecompressor();
  ~MemberDecompressor();
  MemberDecompressor(MemberDecompressor&&) noexcept;
  MemberDecompressor& operator=(MemberDecompressor&&) noexcept;
  // Checks length and CRC; corrupt where they differ.
  Result<std::string> decompress(std::string_view member);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// gzip as anybody writes it: one or more members, read in order from a descriptor.
class GzipStream {
 public:
  explicit GzipStream(int descriptor);  // not owned
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  // The next piece, at most kMemberContentBytes; empty at the end. Checks lengths and CRCs.
  Result<std::string> next();
  std::uint64_t compressed_bytes() const;
  std::string sha256_hex();  // of the compressed bytes; once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aphex::store
