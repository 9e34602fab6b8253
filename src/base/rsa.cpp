#include "base/rsa.hpp"

#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace aphex {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct DigestFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// An encrypted key would be asked for at the terminal; there is nobody to ask.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

Result<std::string> sign_rs256(std::string_view private_key_pem, std::string_view data) {
  const std::unique_ptr<BIO, BioFree> text(
      BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())));
  const std::unique_ptr<EVP_PKEY, KeyFree> key(
      PEM_read_bio_PrivateKey(text.get(), nullptr, &no_passphrase, nullptr));
  ERR_clear_error();
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    return fail(ErrorCode::usage, "this is no private RSA key in PEM",
                "it begins with -----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----, "
                "and has no passphrase");
  }
  const std::unique_ptr<EVP_MD_CTX, DigestFree> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) == 1) {
    std::string signature(size, '\0');
    auto* out = reinterpret_cast<unsigned char*>(signature.data());
    if (EVP_DigestSign(context.get(), out, &size, bytes, data.size()) == 1) {
      signature.resize(size);
      return signature;
    }
  }
  ERR_clear_error();
  return fail(ErrorCode::internal, "libcrypto cannot sign with this RSA key");
}

}  // namespace aphex
