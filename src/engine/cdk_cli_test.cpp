// Finding the CDK CLI and what it is told.
#include "engine/cdk_cli.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/fake_process.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;
using os::FakeProcessRunner;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ParseVersion, FindsTheFirstVersionInWhatToolsSay) {
  EXPECT_EQ(parse_version("2.1148.1 (build fcf5e34)"), (ToolVersion{2, 1148, 1}));
  EXPECT_EQ(parse_version("v20.20.2\n"), (ToolVersion{20, 20, 2}));
  EXPECT_EQ(parse_version("git version 2.39.5"), (ToolVersion{2, 39, 5}));
  EXPECT_EQ(parse_version("GNU bash, version 5.2"), (ToolVersion{5, 2, 0}));
  EXPECT_EQ(parse_version("no digits, 12 apples"), std::nullopt);
  EXPECT_EQ(parse_version(""), std::nullopt);
  EXPECT_EQ(parse_version("99999999999999.1.1"), std::nullopt);
  EXPECT_LT((ToolVersion{2, 999, 9}), kOldestCdk);
}

class FindCdk : public testing::Test {
 protected:
  void SetUp() override {
    auto created = os::TemporaryDirectory::create(fs::temp_directory_path(), "aphex-cdk-");
    ASSERT_TRUE(created);
    directory_.emplace(std::move(*created));
    environment_["PATH"] = (root() / "bin").string();
  }
  fs::path root() const { return directory_->path(); }

  // A program that nobody starts: the runner is scripted.
  fs::path program(const fs::path& relative) {
    const fs::path path = root() / relative;
    EXPECT_TRUE(os::write_file_atomic(path, "#!/bin/sh\n", 0755));
    return path;
  }
  // node_modules/.bin/cdk → the package, as npm installs it.
  void install(std::string_view version) {
    program("app/node_modules/aws-cdk/bin/cdk");
    ASSERT_TRUE(os::write_file_atomic(
        root() / "app/node_modules/aws-cdk/package.json",
        R"({"name": "aws-cdk", "version": ")" + std::string(version) + "\"}"));
    fs::create_directories(root() / "app/node_modules/.bin");
    fs::create_symlink("../aws-cdk/bin/cdk", root() / "app/node_modules/.bin/cdk");
  }
  Result<CdkCli> find() {
    return find_cdk(
        {.processes = runner_, .environment = environment_, .working_copy = root() / "app"},
        os::CancelToken());
  }

  std::optional<os::TemporaryDirectory> directory_;
  FakeProcessRunner runner_;
  os::EnvironmentVariables environment_;
};

TEST_F(FindCdk, PrefersTheApplicationsOwnAndReadsItsVersionWithoutStartingIt) {
  install("2.1148.1");
  program("bin/cdk");
  const auto cli = find();
  ASSERT_TRUE(cli) << describe(cli.error());
  EXPECT_EQ(cli->program, root() / "app/node_modules/.bin/cdk");
  EXPECT_EQ(cli->version, (ToolVersion{2, 1148, 1}));
  EXPECT_EQ(cli->warning, "");
  EXPECT_TRUE(runner_.calls().empty());
}

TEST_F(FindCdk, TakesTheOneThatAphexCdkNamesBeforePath) {
  program("bin/cdk");
  const fs::path named = program("elsewhere/cdk");
  environment_["APHEX_CDK"] = named.string();
  environment_["CDK"] = "options";
  runner_.on(named.string() + " --version", FakeProcessRunner::prints("2.1010.0 (build x)\n"));
  const auto cli = find();
  ASSERT_TRUE(cli) << describe(cli.error());
  EXPECT_EQ(cli->program, named);
  EXPECT_EQ(cli->version, (ToolVersion{2, 1010, 0}));
  EXPECT_FALSE(runner_.calls().front().environment.contains("CDK"));
}

TEST_F(FindCdk, SaysWhereItLookedAndHowToInstallIt) {
  const auto cli = find();
  ASSERT_FALSE(cli);
  EXPECT_EQ(cli.error().message,
            "the CDK CLI was not found: neither node_modules/.bin/cdk in the application, nor "
            "APHEX_CDK, nor cdk in PATH");
  EXPECT_EQ(cli.error().hint,
            "add it to the application (npm install --save-dev aws-cdk@2), or "
            "name it in APHEX_CDK");
}

TEST_F(FindCdk, RefusesAnOldOne) {
  install("2.178.2");
  const auto cli = find();
  ASSERT_FALSE(cli);
  EXPECT_EQ(cli.error().message, "the CDK CLI 2.178.2 (" +
                                     (root() / "app/node_modules/.bin/cdk").string() +
                                     ") is too old: 2.1000.0 or newer is needed");
}

TEST_F(FindCdk, WarnsAboutVersionThree) {
  install("3.0.0");
  const auto cli = find();
  ASSERT_TRUE(cli) << describe(cli.error());
  EXPECT_THAT(cli->warning, HasSubstr("version 3 reads older assemblies"));
}

TEST_F(FindCdk, RefusesAProgramThatSaysNoVersion) {
  const fs::path path = program("bin/cdk");
  runner_.on(path.string() + " --version", FakeProcessRunner::complains("boom\n", 3));
  const auto cli = find();
  ASSERT_FALSE(cli);
  EXPECT_EQ(cli.error().message,
            path.string() + " --version does not answer with a version (exit code 3): boom");
}

TEST(CdkArguments, AreTheOnesThatTheCliWasTriedWith) {
  const CdkCli cli{.program = "/app/node_modules/.bin/cdk", .version = {2, 1148, 1}, .warning = {}};
  const plan::Environment dev{
      .name = "dev", .region = "us-east-1", .account = "111122223333", .stacks = {}};
  EXPECT_THAT(
      synth_arguments(cli, {.environment = dev, .output = "/run/assemblies/dev", .app = "x"}),
      ElementsAre("/app/node_modules/.bin/cdk", "synth", "--quiet", "--no-color", "--no-notices",
                  "--output", "/run/assemblies/dev", "-c", "environment=dev", "-c",
                  "account=111122223333", "-c", "region=us-east-1", "--app", "x"));
  EXPECT_THAT(
      deploy_arguments(
          cli, {.stack = "Dev/Api", .assembly = "/run/assemblies/dev", .outputs_file = "/o.json"}),
      ElementsAre("/app/node_modules/.bin/cdk", "deploy", "Dev/Api", "--app", "/run/assemblies/dev",
                  "--exclusively", "--require-approval", "never", "--outputs-file", "/o.json",
                  "--progress", "events", "--no-color", "--no-notices"));
}

TEST_F(FindCdk, AppCommandSetsTheEnvironmentBehindTheCli) {
  const plan::Environment dev{
      .name = "dev", .region = "us-east-1", .account = "111122223333", .stacks = {}};
  const auto with_app = [&](std::string_view app) {
    EXPECT_TRUE(os::write_file_atomic(root() / "app" / "cdk.json",
                                      R"({"app": ")" + std::string(app) + "\"}"));
    return app_command(root() / "app", dev).value_or("nothing");
  };
  program("app/bin/app.js");
  const std::string variables =
      "export CDK_DEFAULT_ACCOUNT=111122223333 CDK_DEFAULT_REGION=us-east-1; ";
  EXPECT_EQ(with_app("npm run build && node x.js"), variables + "npm run build && node x.js");
  EXPECT_EQ(with_app("bin/app.js --fast"), variables + "node bin/app.js --fast");
  EXPECT_EQ(with_app("bin"), "nothing") << "a directory is an assembly";
  EXPECT_EQ(with_app(""), "nothing");
}

TEST(CdkEnvironment, LeavesOutWhatTheCliWouldTakeForOptions) {
  const auto environment = cdk_environment(
      {{"CDK", "x"}, {"CDK_OUTDIR", "x"}, {"FORCE_COLOR", "1"}, {"AWS_PROFILE", "dev"}});
  EXPECT_FALSE(environment.contains("CDK"));
  EXPECT_FALSE(environment.contains("CDK_OUTDIR"));
  EXPECT_FALSE(environment.contains("FORCE_COLOR"));
  EXPECT_EQ(environment.at("AWS_PROFILE"), "dev");
  EXPECT_EQ(environment.at("CI"), "true");
  EXPECT_EQ(environment.at("CDK_DISABLE_CLI_TELEMETRY"), "true");
  EXPECT_EQ(environment.at("NO_COLOR"), "1");
}

}  // namespace
}  // namespace aphex::engine
