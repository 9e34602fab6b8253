#include "engine/repository_view.hpp"

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;
using config::PathKind;

// A repository with files, and a secret beside it.
class RepositoryViewTest : public testing::Test {
 protected:
  void SetUp() override {
    write("repo/lib/app-stack.ts");
    write("repo/lib/other-stack.ts");
    write("repo/lib/types.d.ts");
    write("repo/top.ts");
    write("repo-secret/a.ts");
    fs::create_directory(root() / "lib/dir.ts");
    fs::create_directory_symlink("lib", root() / "inside");
    fs::create_directory_symlink("../repo-secret", root() / "outside");
    fs::create_symlink("../repo-secret/a.ts", root() / "escape.ts");
    fs::create_symlink("lib/app-stack.ts", root() / "alias.ts");
    fs::create_symlink("nowhere.ts", root() / "dangling.ts");
    fs::create_symlink("loop.ts", root() / "loop.ts");
  }
  void write(const std::string& path) {
    fs::create_directories((directory_.path() / path).parent_path());
    std::ofstream(directory_.path() / path) << "export {};\n";
  }
  fs::path root() const { return directory_.path() / "repo"; }
  PathKind kind(const std::string& path) const {
    return make_repository_view(root())->classify(path);
  }
  os::TemporaryDirectory directory_ =
      std::move(*os::TemporaryDirectory::create(fs::temp_directory_path(), "aphex-view-"));
};

TEST_F(RepositoryViewTest, files_are_found_also_through_links_that_stay_inside) {
  EXPECT_EQ(kind("lib/app-stack.ts"), PathKind::file);
  EXPECT_EQ(kind("./lib/app-stack.ts"), PathKind::file);
  EXPECT_EQ(kind("top.ts"), PathKind::file);
  EXPECT_EQ(kind("inside/app-stack.ts"), PathKind::file);
  EXPECT_EQ(kind("alias.ts"), PathKind::file);
}

TEST_F(RepositoryViewTest, links_and_paths_that_leave_the_repository_are_outside) {
  EXPECT_EQ(kind("outside/a.ts"), PathKind::outside);
  EXPECT_EQ(kind("escape.ts"), PathKind::outside);
  EXPECT_EQ(kind("../repo-secret/a.ts"), PathKind::outside);
  EXPECT_EQ(kind("/etc/passwd"), PathKind::outside);
}

TEST_F(RepositoryViewTest, what_is_not_there_is_missing) {
  EXPECT_EQ(kind("lib/none.ts"), PathKind::missing);
  EXPECT_EQ(kind("none/a.ts"), PathKind::missing);
  EXPECT_EQ(kind("top.ts/a.ts"), PathKind::missing);
  EXPECT_EQ(kind("dangling.ts"), PathKind::missing);
  EXPECT_EQ(make_repository_view(root() / "gone")->classify("a.ts"), PathKind::missing);
}

TEST_F(RepositoryViewTest, directories_and_endless_links_are_told_apart) {
  EXPECT_EQ(kind("lib/dir.ts"), PathKind::directory);
  EXPECT_EQ(kind("loop.ts"), PathKind::too_deep);
  EXPECT_EQ(kind(std::string(300, 'x') + ".ts"), PathKind::too_deep);
}

TEST_F(RepositoryViewTest, similar_files_are_typescript_near_the_path) {
  const auto view = make_repository_view(root());
  const std::vector<std::string> expected{"lib/app-stack.ts", "lib/other-stack.ts"};
  EXPECT_EQ(view->similar_files("lib/ap-stack.ts"), expected);
  const auto near = view->similar_files("libs/app-stack.ts");
  EXPECT_NE(std::find(near.begin(), near.end(), "lib/app-stack.ts"), near.end());
  for (const std::string& path : view->similar_files("outside/b.ts")) {
    EXPECT_FALSE(path.starts_with("outside/")) << path;
  }
}

}  // namespace
}  // namespace aphex::engine
