#include "base/rsa.hpp"

#include <gtest/gtest.h>

namespace aphex {
namespace {

TEST(Rsa, WhatIsNoKeyIsSaidWithoutQuotingIt) {
  for (const char* text : {"", "secret", "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n"}) {
    const auto signature = sign_rs256(text, "data");
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().message, "this is no private RSA key in PEM");
    EXPECT_EQ(signature.error().hint.find("c2VjcmV0"), std::string::npos);
  }
}

}  // namespace
}  // namespace aphex
