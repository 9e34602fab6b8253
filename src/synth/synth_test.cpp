#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "aphex/app.hpp"
#include "aphex/asset.hpp"
#include "aphex/cfn.hpp"
#include "aphex/stack.hpp"
#include "base/sha256.hpp"
#include "os/files.hpp"

namespace aphex {
namespace {

namespace fs = std::filesystem;

// Sets a variable for a test, and gives it back.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (old_) {
      ::setenv(name_, old_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

class SynthTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TemporaryDirectory::create(fs::temp_directory_path(), "synth");
    ASSERT_TRUE(made);
    temporary_.emplace(std::move(*made));
  }
  fs::path path(std::string_view name) const { return temporary_->path() / name; }
  static void write(const fs::path& file, std::string_view text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  // Every file below a directory with its bytes.
  static std::map<std::string, std::string> files_of(const fs::path& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file())
        files[fs::relative(entry.path(), directory)] = *os::read_file(entry.path());
    }
    return files;
  }

  std::optional<os::TemporaryDirectory> temporary_;
};

void add_stack(App& app, const std::string& id) {
  auto& stack = app.make<Stack>(id);
  stack.make<CfnResource>("Topic", CfnResourceProps{.type = "AWS::SNS::Topic"});
}

TEST_F(SynthTest, WritesAnAssemblyWithItsStages) {
  App app(AppProps{.outdir = path("out")});
  add_stack(app, "S");
  auto& stage = app.make<Stage>("Prod");
  stage.make<Stack>("T").make<FileAsset>("A", FileAssetProps{.content = "x", .extension = ".txt"});
  ASSERT_TRUE(app.synth());
  const auto files = files_of(path("out"));
  EXPECT_TRUE(files.contains("manifest.json"));
  EXPECT_TRUE(files.contains("cdk.out"));
  EXPECT_TRUE(files.contains("tree.json"));
  EXPECT_TRUE(files.contains("S.template.json"));
  EXPECT_TRUE(files.contains("assembly-Prod/manifest.json"));
  EXPECT_TRUE(files.contains("assembly-Prod/asset." + sha256_hex("x") + ".txt"));
}

TEST_F(SynthTest, FilesOfAFormerSynthesisDoNotStay) {
  App first(AppProps{.outdir = path("out")});
  add_stack(first, "Old");
  ASSERT_TRUE(first.synth());
  write(path("out/stray.txt"), "x");
  App second(AppProps{.outdir = path("out")});
  add_stack(second, "New");
  ASSERT_TRUE(second.synth());
  const auto files = files_of(path("out"));
  EXPECT_FALSE(files.contains("Old.template.json"));
  EXPECT_FALSE(files.contains("stray.txt"));
  EXPECT_TRUE(files.contains("New.template.json"));
  // Nothing is left beside it either.
  EXPECT_EQ(std::distance(fs::directory_iterator(temporary_->path()), {}), 1);
}

TEST_F(SynthTest, TheSameTreeGivesTheSameBytes) {
  for (const char* name : {"a", "b"}) {
    App app(AppProps{.outdir = path(name)});
    add_stack(app, "S");
    ASSERT_TRUE(app.synth());
  }
  EXPECT_EQ(files_of(path("a")), files_of(path("b")));
}

TEST_F(SynthTest, NothingIsWrittenWhileThereIsAProblem) {
  App good(AppProps{.outdir = path("out")});
  add_stack(good, "S");
  ASSERT_TRUE(good.synth());
  const auto before = files_of(path("out"));
  App app(AppProps{.outdir = path("out")});
  add_stack(app, "My Stack");
  const Construct slash(app, "a/b");
  const auto result = app.synth();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::invalid_config);
  EXPECT_EQ(result.error().message,
            "the application has 2 problems, and nothing was written:\n"
            "error: My Stack: 'My Stack' is no stack name\n"
            "  hint: a letter, then letters, digits and '-', at most 128 altogether; give "
            "StackProps::stack_name where the id is not meant to be the name\n"
            "error: the id 'a/b' holds a '/', which separates ids in a path");
  EXPECT_EQ(files_of(path("out")), before);
  EXPECT_EQ(finish(result), 1);
  EXPECT_EQ(finish(path("out")), 0);
}

TEST_F(SynthTest, AnotherDirectoryIsRefused) {
  write(path("home/letter.txt"), "precious");
  App app(AppProps{.outdir = path("home")});
  add_stack(app, "S");
  const auto result = app.synth();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("holds something that is no cloud assembly (letter.txt)"),
            std::string::npos);
  EXPECT_EQ(files_of(path("home")).size(), 1U);
}

TEST_F(SynthTest, LocksOfTheCommandLineStay) {
  write(path("out/synth.lock"), "4711");
  App app(AppProps{.outdir = path("out")});
  add_stack(app, "S");
  ASSERT_TRUE(app.synth());
  EXPECT_EQ(files_of(path("out")).at("synth.lock"), "4711");
}

TEST_F(SynthTest, ALinkedDirectoryIsFollowed) {
  fs::create_directories(path("real"));
  fs::create_directory_symlink(path("real"), path("link"));
  App app(AppProps{.outdir = path("link")});
  add_stack(app, "S");
  ASSERT_TRUE(app.synth());
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_TRUE(files_of(path("real")).contains("S.template.json"));
}

TEST_F(SynthTest, AFileThatChangedSinceItWasHashedIsRefused) {
  write(path("code.zip"), "archive");
  App app(AppProps{.outdir = path("out")});
  auto& stack = app.make<Stack>("S");
  auto& asset = stack.make<FileAsset>(
      "A", FileAssetProps{.path = path("code.zip"), .sha256 = sha256_hex("archive")});
  ASSERT_TRUE(app.synth());
  EXPECT_EQ(files_of(path("out")).at(asset.file_name()), "archive");
  write(path("code.zip"), "changed");
  const auto result = app.synth();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
  EXPECT_EQ(files_of(path("out")).at(asset.file_name()), "archive");
}

TEST_F(SynthTest, AFileThatIsMissingIsRefused) {
  App app(AppProps{.outdir = path("out")});
  app.make<Stack>("S").make<FileAsset>(
      "A", FileAssetProps{.path = path("nowhere.zip"), .sha256 = sha256_hex("")});
  const auto result = app.synth();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("cannot read the asset"), std::string::npos);
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(SynthTest, TheCommandLineGivesContextAndDirectory) {
  write(path("context.json"), R"({"long": "from the file"})");
  const Variable context("CDK_CONTEXT_JSON", R"({"size": "large"})");
  const Variable overflow("CONTEXT_OVERFLOW_LOCATION", path("context.json").string());
  const Variable outdir("CDK_OUTDIR", path("given").string());
  App app;
  EXPECT_EQ(app.node().context("size"), Value("large"));
  EXPECT_EQ(app.node().context("long"), Value("from the file"));
  add_stack(app, "S");
  ASSERT_EQ(app.synth(), path("given"));
  // The command line says nothing of paths, which is how it says no.
  EXPECT_EQ(files_of(path("given")).at("S.template.json").find("aws:cdk:path"), std::string::npos);
}

TEST_F(SynthTest, AContextThatIsNoObjectIsAProblem) {
  const Variable context("CDK_CONTEXT_JSON", "[1]");
  const Variable overflow("CONTEXT_OVERFLOW_LOCATION", path("gone.json").string());
  App app;
  const Synthesis synthesis = app.assemble();
  ASSERT_EQ(synthesis.problems.size(), 2U);
  EXPECT_NE(synthesis.problems[0].message.find("CONTEXT_OVERFLOW_LOCATION: cannot open"),
            std::string::npos);
  EXPECT_EQ(synthesis.problems[1].message, "CDK_CONTEXT_JSON is no JSON object");
}

TEST_F(SynthTest, TheCredentialsOfTheCommandLineSayWhere) {
  const Variable account("CDK_DEFAULT_ACCOUNT", "111122223333");
  const Variable region("CDK_DEFAULT_REGION", "eu-west-1");
  EXPECT_EQ(cli_environment(), (Environment{.account = "111122223333", .region = "eu-west-1"}));
}

}  // namespace
}  // namespace aphex
