#include "stage/github_token.hpp"

#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::stage {
namespace {

constexpr const char* kAsked = "protocol=https\nhost=github.com\npath=acme/app.git\n\n";

class GitHubToken : public testing::Test {
 protected:
  GitHubToken()
      : directory_(std::move(
            *os::TemporaryDirectory::create(std::filesystem::temp_directory_path(), "token-"))) {
    file_ = directory_.path() / "token";
    EXPECT_TRUE(os::write_file_atomic(file_, "ghp_secret\n"));
    variables_ = {{"APHEX_GITHUB_REPOSITORY", "acme/app"},
                  {"APHEX_GITHUB_TOKEN_FILE", file_.string()}};
  }

  os::TemporaryDirectory directory_;
  std::filesystem::path file_;
  os::EnvironmentVariables variables_;
};

TEST_F(GitHubToken, IsGivenToTheConfiguredRepository) {
  const std::string answer = "username=x-access-token\npassword=ghp_secret\n";
  EXPECT_EQ(credential_answer(kAsked, variables_), answer);
  EXPECT_EQ(credential_answer("protocol=https\nhost=github.com\npath=Acme/App/\n", variables_),
            answer)
      << "GitHub does not tell cases apart, and '.git' may be left out";
}

TEST_F(GitHubToken, IsGivenToNobodyElse) {
  for (const char* asked :
       {"protocol=https\nhost=github.com\npath=acme/other.git\n",
        "protocol=https\nhost=github.com\npath=acme/app.git/../other.git\n",
        "protocol=https\nhost=github.com\n", "protocol=http\nhost=github.com\npath=acme/app.git\n",
        "protocol=https\nhost=github.com.example.com\npath=acme/app.git\n",
        "protocol=https\nhost=github.com:8443\npath=acme/app.git\n",
        "protocol=https\nhost=gitlab.com\npath=acme/app.git\n", ""}) {
    EXPECT_EQ(credential_answer(asked, variables_), "") << asked;
  }
}

TEST_F(GitHubToken, IsReadAnewEachTime) {
  ASSERT_TRUE(os::write_file_atomic(file_, "ghp_rotated"));
  EXPECT_EQ(credential_answer(kAsked, variables_),
            "username=x-access-token\npassword=ghp_rotated\n");
}

TEST_F(GitHubToken, MayBeMissing) {
  variables_["APHEX_GITHUB_TOKEN_FILE"] = (directory_.path() / "nothing").string();
  EXPECT_EQ(credential_answer(kAsked, variables_), "");
  variables_.erase("APHEX_GITHUB_TOKEN_FILE");
  EXPECT_EQ(credential_answer(kAsked, variables_), "");
}

TEST_F(GitHubToken, TheHelperIsToldToGitByTheEnvironmentAlone) {
  os::EnvironmentVariables variables;
  use_credential_helper(variables, "/opt/a b/aphex");
  EXPECT_EQ(variables["GIT_CONFIG_COUNT"], "3");
  EXPECT_EQ(variables["GIT_CONFIG_VALUE_0"], "") << "helpers of configuration files are forgotten";
  EXPECT_EQ(variables["GIT_CONFIG_VALUE_1"], "!'/opt/a b/aphex' git-credential");
  EXPECT_EQ(variables["GIT_CONFIG_KEY_2"], "credential.useHttpPath");
}

}  // namespace
}  // namespace aphex::stage
