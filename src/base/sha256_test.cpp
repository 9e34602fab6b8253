#include "base/sha256.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace aphex {
namespace {

RC_GTEST_PROP(Base64, reads_what_it_wrote, (const std::string& bytes)) {
  RC_ASSERT(from_base64(to_base64(bytes)) == bytes);
}

TEST(Sha256, is_told_from_other_texts) {
  const std::string digest = sha256_hex("");
  EXPECT_TRUE(is_sha256_hex(digest));
  EXPECT_FALSE(is_sha256_hex(digest + "0"));
  EXPECT_FALSE(is_sha256_hex(digest.substr(1)));
  EXPECT_FALSE(is_sha256_hex("A" + digest.substr(1)));
  EXPECT_FALSE(is_sha256_hex("g" + digest.substr(1)));
  EXPECT_FALSE(is_sha256_hex(""));
}

// RFC 4648, section 10.
TEST(Base64, is_that_of_the_rfc) {
  EXPECT_EQ(from_base64(""), "");
  EXPECT_EQ(from_base64("Zg=="), "f");
  EXPECT_EQ(from_base64("Zm8="), "fo");
  EXPECT_EQ(from_base64("Zm9v"), "foo");
  EXPECT_EQ(from_base64("Zm9v\r\nYmFy\n"), "foobar");
}

TEST(Base64, is_nothing_else) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zg==Zg==", "=", "Zm9v-", "Zm 9v"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace aphex
