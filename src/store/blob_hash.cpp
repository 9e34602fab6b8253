#include "store/blob_hash.hpp"

#include <string_view>

#include "base/sha256.hpp"

namespace aphex::store {
namespace {

// Large enough that system calls do not count, small enough to stay in the processor's cache.
constexpr std::size_t kPieceBytes = 256U << 10U;

template <typename Take>
Result<HashedBytes> hash_pieces(const Descriptor& from, const os::CancelToken& cancel, Take take) {
  Sha256 hash;
  HashedBytes result;
  std::string buffer(kPieceBytes, '\0');
  while (true) {
    if (cancel.cancelled()) return fail(ErrorCode::cancelled, cancel.reason());
    APHEX_TRY(const std::size_t count,
              read_at(from.get(), buffer.data(), buffer.size(), result.size_bytes));
    if (count == 0) break;
    const std::string_view piece = std::string_view(buffer).substr(0, count);
    hash.update(piece);
    APHEX_CHECK(take(piece));
    result.size_bytes += count;
  }
  result.sha256 = to_hex(hash.finish());
  return result;
}

}  // namespace

Result<HashedBytes> copy_and_hash(const Descriptor& from, PendingFile& to,
                                  const os::CancelToken& cancel) {
  return hash_pieces(from, cancel, [&to](std::string_view piece) { return to.write(piece); });
}

Result<HashedBytes> hash_file(const std::filesystem::path& file, const os::CancelToken& cancel) {
  APHEX_TRY(const Descriptor descriptor, open_for_reading(file));
  return hash_pieces(descriptor, cancel, [](std::string_view) { return Status(); });
}

}  // namespace aphex::store
