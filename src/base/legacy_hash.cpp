#include "base/legacy_hash.hpp"

#include <array>
#include <cstdlib>

#include <openssl/evp.h>

#include "base/sha256.hpp"

namespace aphex {
namespace {

// Fetching an algorithm by name takes longer than hashing a short text: it is done once.
// "-fips" finds MD5 also where the machine's default is the validated provider.
const EVP_MD* fetched(const char* name) {
  EVP_MD* found = EVP_MD_fetch(nullptr, name, "-fips");
  if (found == nullptr) found = EVP_MD_fetch(nullptr, name, nullptr);
  if (found == nullptr) std::abort();  // a libcrypto without MD5 or SHA-1
  return found;
}

std::string hex_of(const EVP_MD* algorithm, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(data.data(), data.size(), digest.data(), &length, algorithm, nullptr) != 1)
    std::abort();  // only without memory
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), length));
}

}  // namespace

std::string md5_hex(std::string_view data) {
  static const EVP_MD* const algorithm = fetched("MD5");
  return hex_of(algorithm, data);
}

std::string sha1_hex(std::string_view data) {
  static const EVP_MD* const algorithm = fetched("SHA1");
  return hex_of(algorithm, data);
}

}  // namespace aphex
