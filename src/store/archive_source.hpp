#pragma once
// The tar stream of a .tar.gz file, inflated ahead by the workers of a pool.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/worker_pool.hpp"

namespace aphex::store {

class TarSource {
 public:
  virtual ~TarSource() = default;
  // The next piece; empty at the end, which is only reached when everything was there.
  virtual Result<std::string> next() = 0;
  // Of the whole file, at the end.
  virtual std::uint64_t compressed_bytes() const = 0;
  virtual std::string sha256_hex() = 0;
};

// Of our own archives the members are inflated side by side, of others one piece ahead. Past
// `max_bytes` of stream it fails: a few KiB can inflate to terabytes. The pool outlives it.
Result<std::unique_ptr<TarSource>> open_tar_source(const std::filesystem::path& archive,
                                                   WorkerPool& pool, std::uint64_t max_bytes);

}  // namespace aphex::store
