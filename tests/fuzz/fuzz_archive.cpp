// Any bytes as an archive that is unpacked: nothing crashes or hangs, nothing is written outside of
// the destination, no link leads out of it, and what was refused leaves nothing behind.
//
// Bytes that do not begin as gzip does are taken for the tar stream itself, so that the fuzzer need
// not find out about compression and checksums.
#include <cstdint>
#include <fstream>
#include <iterator>

#include <zlib.h>

#include "fuzz/scratch.hpp"
#include "store/archive.hpp"

namespace {

namespace fs = std::filesystem;
using aphex::fuzz::require;

constexpr std::string_view kOutside = "what stands beside the destination";

// A gzip member with the stream uncompressed in it.
std::string as_gzip(std::string_view stream) {
  z_stream deflate{};
  constexpr int kGzipWindow = 15 + 16;
  require(deflateInit2(&deflate, Z_NO_COMPRESSION, Z_DEFLATED, kGzipWindow, 8,
                       Z_DEFAULT_STRATEGY) == Z_OK);
  std::string input(stream);
  std::string out(deflateBound(&deflate, input.size()), '\0');
  deflate.next_in = reinterpret_cast<Bytef*>(input.data());
  deflate.avail_in = static_cast<uInt>(input.size());
  deflate.next_out = reinterpret_cast<Bytef*>(out.data());
  deflate.avail_out = static_cast<uInt>(out.size());
  require(::deflate(&deflate, Z_FINISH) == Z_STREAM_END);
  out.resize(deflate.total_out);
  deflateEnd(&deflate);
  return out;
}

// Every entry is of a kind that archives of ours have, and no link points out of `root`.
void check_tree(const fs::path& root) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    const fs::file_status status = entry.symlink_status();
    require(fs::is_regular_file(status) || fs::is_directory(status) || fs::is_symlink(status));
    if (!fs::is_symlink(status)) continue;
    const fs::path target = fs::read_symlink(entry.path());
    require(target.is_relative());
    const fs::path reached = (entry.path().parent_path() / target).lexically_normal();
    require(reached == root || reached.string().starts_with(root.string() + "/"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const aphex::fuzz::Scratch scratch;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const fs::path archive = scratch.write(
      "in.tar.gz", bytes.starts_with("\x1f\x8b") ? std::string(bytes) : as_gzip(bytes));
  const fs::path around = scratch.root() / "around";
  scratch.write("around/outside", kOutside);
  const fs::path destination = around / "destination";

  const aphex::store::UnpackLimits limits{.max_entries = 64, .max_content_bytes = 1U << 20U};
  const auto summary = aphex::store::unpack(archive, destination, limits, aphex::os::CancelToken());
  require(fs::exists(destination) == summary.has_value());
  if (summary) {
    require(summary->entries <= limits.max_entries);
    require(summary->content_bytes <= limits.max_content_bytes);
    check_tree(destination);
  }
  fs::remove_all(destination);

  std::ifstream outside(around / "outside", std::ios::binary);
  require(std::string(std::istreambuf_iterator<char>(outside), {}) == kOutside);
  require(std::distance(fs::directory_iterator(around), fs::directory_iterator()) == 1);
  require(std::distance(fs::directory_iterator(scratch.root()), fs::directory_iterator()) == 2);
  return 0;
}
