#include "engine/secret_masker.hpp"

#include <gtest/gtest.h>

namespace aphex::engine {
namespace {

TEST(SecretMasker, ReplacesEverySecretWhereverItStands) {
  SecretMasker secrets;
  secrets.add("hunter2-hunter2");
  secrets.add("another-secret");

  EXPECT_EQ(secrets.mask("a hunter2-hunter2, another-secret; hunter2-hunter2"), "a ***, ***; ***");
  EXPECT_EQ(secrets.mask("nothing here"), "nothing here");
}

TEST(SecretMasker, KnowsASecretInItsUsualDisguises) {
  SecretMasker secrets;
  secrets.add("pass\"word/1 2");

  EXPECT_EQ(secrets.mask("cGFzcyJ3b3JkLzEgMg=="), "***") << "base64";
  EXPECT_EQ(secrets.mask("?p=pass%22word%2F1%202&x"), "?p=***&x") << "URL";
  EXPECT_EQ(secrets.mask(R"({"p":"pass\"word/1 2"})"), R"({"p":"***"})") << "JSON";
}

TEST(SecretMasker, MasksTheLongerOfTwoThatOverlap) {
  SecretMasker secrets;
  secrets.add("abcdefgh");
  secrets.add("abcdefgh-ijkl");

  EXPECT_EQ(secrets.mask("abcdefgh-ijkl"), "***");
}

TEST(SecretMasker, FindsASecretOfSeveralLinesLineByLine) {
  SecretMasker secrets;
  secrets.add("-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n");

  EXPECT_EQ(secrets.mask("  MIIEvQIBADANBg"), "  ***");
}

TEST(SecretMasker, LeavesShortValuesAlone) {
  SecretMasker secrets;
  secrets.add("true");
  secrets.add("1234567");

  EXPECT_EQ(secrets.mask("true 1234567"), "true 1234567");
}

TEST(SecretMasker, TakesSecretsFromVariablesByTheirNames) {
  SecretMasker secrets;
  secrets.add_from({{"GITHUB_TOKEN", "ghp_0123456789"},
                    {"db_password", "correct-horse"},
                    {"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"},
                    {"AWS_SESSION_TOKEN", "FwoGZXIvYXdz"},
                    {"NPM_API_KEY", "npm_abcdefgh"},
                    {"HOME", "/home/somebody"},
                    {"AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token-file"},
                    {"SECRET_NAME", "archon/github-token"}});

  EXPECT_EQ(secrets.mask("ghp_0123456789 correct-horse wJalrXUtnFEMI FwoGZXIvYXdz npm_abcdefgh"),
            "*** *** *** *** ***");
  EXPECT_EQ(secrets.mask("/home/somebody /var/run/token-file archon/github-token"),
            "/home/somebody /var/run/token-file archon/github-token");
}

}  // namespace
}  // namespace aphex::engine
