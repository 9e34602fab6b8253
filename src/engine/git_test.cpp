// The git program against repositories made for the purpose.
#include "engine/git.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/fake_process.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const os::CancelToken kNever;

class GitTest : public testing::Test {
 protected:
  GitTest()
      : directory_(*os::TemporaryDirectory::create(fs::temp_directory_path(), "aphex-git-")),
        processes_(os::make_process_runner()),
        environment_(os::current_environment()),
        git_(*processes_, with_identity(environment_), kNever) {
    fs::create_directory(repository());
    run({"init", "-q", "-b", "main"});
  }

  static os::EnvironmentVariables with_identity(os::EnvironmentVariables& environment) {
    for (const char* role : {"AUTHOR", "COMMITTER"}) {
      environment[std::string("GIT_") + role + "_NAME"] = "Ada";
      environment[std::string("GIT_") + role + "_EMAIL"] = "ada@example.com";
    }
    environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
    environment["GIT_CONFIG_NOSYSTEM"] = "1";
    return environment;
  }
  fs::path repository() const { return directory_.path() / "app"; }
  void run(std::vector<std::string> arguments) {
    os::ProcessSpec spec;
    spec.argv = {"git", "-C", repository().string()};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.environment = environment_;
    const auto done = os::capture(*processes_, spec, kNever);
    ASSERT_TRUE(done);
    ASSERT_EQ(done->exit.shell_code(), 0) << done->err;
  }
  void write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(os::make_directories((repository() / path).parent_path()));
    ASSERT_TRUE(os::write_file_atomic(repository() / path, text));
  }
  std::string commit(const std::string& message) {
    run({"add", "--all"});
    run({"commit", "-q", "--allow-empty", "-m", message});
    return git_.resolve(repository(), "HEAD").value_or("");
  }

  os::TemporaryDirectory directory_;
  std::unique_ptr<os::ProcessRunner> processes_;
  os::EnvironmentVariables environment_;
  Git git_;
};

TEST_F(GitTest, FindsTheTopOfTheRepositoryFromAnyFolder) {
  write("lib/deep/a.ts", "");
  EXPECT_EQ(git_.top_level(repository() / "lib/deep"), fs::canonical(repository()));
}

TEST_F(GitTest, ADirectoryWithoutRepositoryIsAUsageError) {
  const auto top = git_.top_level(directory_.path());
  ASSERT_FALSE(top);
  EXPECT_EQ(top.error().code, ErrorCode::usage);
  EXPECT_EQ(top.error().message, directory_.path().string() + " is in no git repository");
}

TEST_F(GitTest, ResolvesRevisionsToCommits) {
  const std::string sha = commit("One");
  run({"tag", "-a", "v1", "-m", "annotated"});

  EXPECT_THAT(sha, SizeIs(40));
  EXPECT_EQ(git_.resolve(repository(), "main"), sha);
  EXPECT_EQ(git_.resolve(repository(), sha.substr(0, 8)), sha);
  EXPECT_EQ(git_.resolve(repository(), "v1"), sha) << "a tag's commit, not the tag";
}

TEST_F(GitTest, ARevisionIsNeverTakenForAnOption) {
  commit("One");
  const auto resolved = git_.resolve(repository(), "--upload-pack=touch /tmp/x");
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().code, ErrorCode::usage);
}

TEST_F(GitTest, ReadsAuthorAndTheWholeMessage) {
  const std::string sha = commit("Subject\n\nBody, with a line\nand another");
  const auto info = git_.commit_info(repository(), sha);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->author, "Ada <ada@example.com>");
  EXPECT_EQ(info->message, "Subject\n\nBody, with a line\nand another");
}

TEST_F(GitTest, ADetachedHeadHasNoBranch) {
  commit("One");
  EXPECT_EQ(git_.branch(repository()), "main");
  run({"checkout", "-q", "--detach"});
  EXPECT_EQ(git_.branch(repository()), "");
}

TEST_F(GitTest, TheOriginsAddressIsReadWithoutItsPassword) {
  EXPECT_EQ(git_.origin_url(repository()), "");
  run({"remote", "add", "origin", "https://ada:secret@example.com/team/app.git"});
  EXPECT_EQ(git_.origin_url(repository()), "https://example.com/team/app.git");
  run({"remote", "set-url", "origin", "git@example.com:team/app.git"});
  EXPECT_EQ(git_.origin_url(repository()), "git@example.com:team/app.git");
  run({"remote", "set-url", "origin", "https://example.com/team/@scope/app"});
  EXPECT_EQ(git_.origin_url(repository()), "https://example.com/team/@scope/app");
}

TEST_F(GitTest, NamesWhatChangedUpToALimit) {
  write("a", "1");
  write("b", "1");
  write(".gitignore", "ignored\n");
  commit("One");
  EXPECT_EQ(git_.changed_paths(repository(), 9)->size(), 0U);

  write("a", "2");
  write("new file", "");
  write("ignored", "");
  fs::remove(repository() / "b");

  EXPECT_THAT(*git_.changed_paths(repository(), 9), UnorderedElementsAre("a", "b", "new file"));
  EXPECT_THAT(*git_.changed_paths(repository(), 2), SizeIs(2));
}

TEST_F(GitTest, ShowsAFileAsItWasAtACommit) {
  write("aphex-config.yaml", "one\n");
  const std::string sha = commit("One");
  write("aphex-config.yaml", "two\n");

  EXPECT_EQ(git_.show_file(repository(), sha, "aphex-config.yaml"), "one\n");
  const auto missing = git_.show_file(repository(), sha, "other.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(missing.error().message, "commit " + sha.substr(0, 12) + " has no file other.yaml");
}

TEST_F(GitTest, ListsWhatGitWouldNotIgnore) {
  write("tracked", "");
  write(".gitignore", "ignored\n");
  commit("One");
  write("untracked", "");
  write("ignored", "");

  EXPECT_THAT(*git_.listed_files(repository()),
              UnorderedElementsAre("tracked", ".gitignore", "untracked"));
}

TEST_F(GitTest, ClonesExactlyTheCommit) {
  write("a", "one");
  const std::string sha = commit("One");
  write("a", "two");
  commit("Two");
  const fs::path copy = directory_.path() / "copy";

  ASSERT_TRUE(git_.clone_commit(repository().string(), sha, copy));

  EXPECT_EQ(os::read_file(copy / "a"), "one");
  EXPECT_EQ(git_.resolve(copy, "HEAD"), sha);
}

TEST_F(GitTest, ClonesByAddressWhatNoBranchNames) {
  write("a", "one");
  const std::string sha = commit("One");
  const fs::path copy = directory_.path() / "copy";

  ASSERT_TRUE(git_.clone_commit("file://" + repository().string(), sha, copy));

  EXPECT_EQ(git_.resolve(copy, "HEAD"), sha);
}

TEST_F(GitTest, ACommitThatIsNotThereIsNamed) {
  commit("One");
  const std::string sha(40, 'b');
  const auto cloned = git_.clone_commit(repository().string(), sha, directory_.path() / "copy");
  ASSERT_FALSE(cloned);
  EXPECT_EQ(cloned.error().message,
            "cannot check out commit " + sha + " of " + repository().string());
  EXPECT_THAT(cloned.error().hint, testing::HasSubstr("the repository has no such commit"));
}

TEST_F(GitTest, ASubmoduleThatCannotBeClonedIsNamedWithItsAddress) {
  const std::string lib = commit("The library's only commit");
  write(".gitmodules", "[submodule \"shared\"]\n\tpath = libs/shared\n\turl = /nowhere/lib.git\n");
  run({"update-index", "--add", "--cacheinfo", "160000," + lib + ",libs/shared"});
  fs::create_directories(repository() / "libs/shared");
  const std::string sha = commit("With a submodule");

  const auto cloned = git_.clone_commit(repository().string(), sha, directory_.path() / "copy");

  ASSERT_FALSE(cloned);
  EXPECT_EQ(describe(cloned.error()),
            "submodule libs/shared (/nowhere/lib.git) cannot be cloned: git: repository "
            "'/nowhere/lib.git' does not exist");
  EXPECT_EQ(cloned.error().hint,
            "'git ls-remote /nowhere/lib.git' must work where the clone is made, without a "
            "question; the address stands in .gitmodules");
  EXPECT_EQ(cloned.error().code, ErrorCode::io);
}

TEST_F(GitTest, ASubmoduleThatIsToBeLeftOutIs) {
  const std::string lib = commit("The library's only commit");
  write(".gitmodules",
        "[submodule \"shared\"]\n\tpath = libs/shared\n\turl = /nowhere/lib.git\n"
        "\tupdate = none\n");
  run({"update-index", "--add", "--cacheinfo", "160000," + lib + ",libs/shared"});
  fs::create_directories(repository() / "libs/shared");
  const std::string sha = commit("With a submodule");

  EXPECT_TRUE(git_.clone_commit(repository().string(), sha, directory_.path() / "copy"));
}

TEST_F(GitTest, AVariableCannotPointItAtAnotherRepository) {
  const std::string sha = commit("One");
  os::EnvironmentVariables misled = environment_;
  misled["GIT_DIR"] = "/nowhere";
  misled["GIT_WORK_TREE"] = "/nowhere";
  Git git(*processes_, misled, kNever);

  EXPECT_EQ(git.resolve(repository(), "HEAD"), sha);
}

TEST(GitFailures, AServerThatCannotBeReachedIsWorthAnotherTry) {
  os::FakeProcessRunner processes;
  processes.on_prefix("git", os::FakeProcessRunner::complains(
                                 "fatal: unable to access 'https://example.com/': Could not "
                                 "resolve host: example.com\n",
                                 128));
  Git git(processes, {}, kNever);

  const auto top = git.top_level("/app");

  ASSERT_FALSE(top);
  EXPECT_EQ(top.error().retry, Retry::retryable);
  EXPECT_EQ(top.error().message,
            "git: unable to access 'https://example.com/': Could not resolve host: example.com");
}

TEST(GitFailures, NeverAsksForAPassword) {
  os::FakeProcessRunner processes;
  processes.on_prefix("git", os::FakeProcessRunner::prints("/app\n"));
  Git git(processes, {}, kNever);

  ASSERT_TRUE(git.top_level("/app/lib"));

  EXPECT_EQ(processes.calls().front().environment.at("GIT_TERMINAL_PROMPT"), "0");
}

TEST(RepositoryName, IsTheLastPartOfAnAddressOrPath) {
  EXPECT_EQ(repository_name("https://github.com/acme/archon-agent.git"), "archon-agent");
  EXPECT_EQ(repository_name("git@github.com:acme/archon-agent.git"), "archon-agent");
  EXPECT_EQ(repository_name("git@host:archon"), "archon");
  EXPECT_EQ(repository_name("/home/me/archon-agent/"), "archon-agent");
  EXPECT_EQ(repository_name("/home/me/my app (2)"), "my-app--2-");
  EXPECT_EQ(repository_name("/"), "pipeline");
  EXPECT_EQ(repository_name(".."), "pipeline");
}

}  // namespace
}  // namespace aphex::engine
