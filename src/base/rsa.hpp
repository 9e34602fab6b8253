#pragma once
// Signatures with an RSA key, by OpenSSL's libcrypto.

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aphex {

// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2; "RS256" of RFC 7518), by a private key in PEM.
// The error never quotes the key.
Result<std::string> sign_rs256(std::string_view private_key_pem, std::string_view data);

}  // namespace aphex
