#pragma once
// SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), by OpenSSL's libcrypto.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aphex {

using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest sha256(std::string_view data);
Sha256Digest hmac_sha256(std::string_view key, std::string_view data);
// In a time that depends on the lengths alone, so that nobody learns a digest by guessing at it.
bool equal_in_constant_time(std::string_view a, std::string_view b);
// Lower-case hexadecimal.
std::string to_hex(std::string_view bytes);
std::string to_hex(const Sha256Digest& digest);
std::string sha256_hex(std::string_view data);
// Exactly so many digits, lower-case hexadecimal: a commit of git has 40.
bool is_hex(std::string_view text, std::size_t digits);
// 64 of them.
bool is_sha256_hex(std::string_view text);
std::string to_base64(std::string_view bytes);
// RFC 4648, section 5, without padding: as tokens have it.
std::string to_base64url(std::string_view bytes);
// RFC 4648, section 4, with its padding; line breaks are skipped. Nothing where it is not that.
std::optional<std::string> from_base64(std::string_view text);

// For data that arrives in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view data);
  Sha256Digest finish();  // once; the object is spent

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aphex
