// What git 2.39 prints where a submodule fails, word for word.
#include "engine/submodule_failure.hpp"

#include <gtest/gtest.h>

namespace aphex::engine {
namespace {

void expect(std::string_view text, const SubmoduleFailure& wanted) {
  const auto found = submodule_failure(text);
  ASSERT_TRUE(found) << text;
  EXPECT_EQ(found->path, wanted.path);
  EXPECT_EQ(found->url, wanted.url);
  EXPECT_EQ(found->reason, wanted.reason);
}

TEST(SubmoduleFailure, IsOfTheSubmoduleAndItsFirstReason) {
  expect(
      "fatal: could not read Username for 'https://github.com': terminal prompts disabled\n"
      "fatal: clone of 'https://me:pw@github.com/acme/lib.git' into submodule path "
      "'/pod/source/libs/shared one' failed\n"
      "Failed to clone 'libs/shared one'. Retry scheduled\n"
      "fatal: could not read Username for 'https://github.com': terminal prompts disabled\n"
      "fatal: clone of 'https://me:pw@github.com/acme/lib.git' into submodule path "
      "'/pod/source/libs/shared one' failed\n"
      "Failed to clone 'libs/shared one' a second time, aborting\n",
      {"/pod/source/libs/shared one", "https://github.com/acme/lib.git",
       "could not read Username for 'https://github.com': terminal prompts disabled"});
}

TEST(SubmoduleFailure, HasTheWordsOfSshBeforeThoseOfGit) {
  expect(
      "Host key verification failed.\n"
      "fatal: Could not read from remote repository.\n\n"
      "Please make sure you have the correct access rights\nand the repository exists.\n"
      "fatal: clone of 'git@github.com:acme/lib.git' into submodule path '/s/lib' failed\n"
      "Failed to clone 'lib'. Retry scheduled\n",
      {"/s/lib", "git@github.com:acme/lib.git", "Host key verification failed."});
}

TEST(SubmoduleFailure, HasTheWordsOfTheServer) {
  expect(
      "warning: redirecting to https://github.com/acme/lib.git/\n"
      "remote: Repository not found.\n"
      "fatal: repository 'https://github.com/acme/lib.git/' not found\n"
      "fatal: clone of 'https://github.com/acme/lib.git' into submodule path '/s/lib' failed\n",
      {"/s/lib", "https://github.com/acme/lib.git", "Repository not found."});
}

TEST(SubmoduleFailure, MayBeACommitThatIsNotThere) {
  expect(
      "fatal: git upload-pack: not our ref 1234\n"
      "fatal: remote error: upload-pack: not our ref 1234\n"
      "fatal: Fetched in submodule path 'libs/a', but it did not contain 1234. Direct fetching of "
      "that commit failed.\n",
      {"libs/a", "",
       "Fetched in submodule path 'libs/a', but it did not contain 1234. Direct fetching of that "
       "commit failed."});
  expect("fatal: No url found for submodule path 'libs/a' in .gitmodules\n",
         {"libs/a", "", "No url found for submodule path 'libs/a' in .gitmodules"});
}

TEST(SubmoduleFailure, OfASubmodulesSubmoduleIsThatOnes) {
  expect(
      "fatal: repository '/nowhere' does not exist\n"
      "fatal: clone of '/nowhere' into submodule path '/s/deps/app/libs/a' failed\n"
      "Failed to clone 'libs/a' a second time, aborting\n"
      "fatal: Failed to recurse into submodule path 'deps/app'\n",
      {"/s/deps/app/libs/a", "/nowhere", "repository '/nowhere' does not exist"});
}

TEST(SubmoduleFailure, IsNotReadIntoOtherWords) {
  EXPECT_FALSE(submodule_failure(""));
  EXPECT_FALSE(submodule_failure("fatal: not a git repository\n"));
  EXPECT_FALSE(submodule_failure("fatal: Failed to recurse into submodule path 'deps/app'\n"));
  EXPECT_FALSE(submodule_failure("fatal: clone of 'x"));
}

}  // namespace
}  // namespace aphex::engine
