#include "base/random.hpp"

#include <openssl/rand.h>

namespace aphex {

Result<std::string> random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    return fail(ErrorCode::unavailable, "the system has no random bytes to give");
  return bytes;
}

}  // namespace aphex
