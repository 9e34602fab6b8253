// Cloud assemblies as aws-cdk-lib 2.276 writes them (tests/data/assemblies), and damaged ones.
#include "engine/assembly.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::filesystem::path kData =
    std::filesystem::path(APHEX_SOURCE_DIR) / "tests" / "data" / "assemblies";

std::vector<std::string> names(const Assembly& assembly) {
  std::vector<std::string> result;
  for (const AssemblyStack& stack : assembly.stacks)
    result.push_back(stack.name);
  return result;
}

std::vector<std::string> needs_of(const Assembly& assembly, std::size_t stack) {
  std::vector<std::string> result;
  for (std::size_t need : assembly.stacks[stack].needs)
    result.push_back(assembly.stacks[need].name);
  return result;
}

TEST(ReadAssembly, FindsTheStacksOfAnAppAndWhatTheyNeedOfOneAnother) {
  const auto assembly = read_assembly(kData / "archon");
  ASSERT_TRUE(assembly) << describe(assembly.error());
  EXPECT_THAT(names(*assembly), ElementsAre("ArchonInfrastructureStack", "ArchonKnowledgeBaseStack",
                                            "ArchonAgentStack", "ArchonMonitoringDashboard"));
  EXPECT_THAT(needs_of(*assembly, 0), IsEmpty());
  EXPECT_THAT(needs_of(*assembly, 1), ElementsAre("ArchonInfrastructureStack"));
  EXPECT_THAT(needs_of(*assembly, 3), ElementsAre("ArchonInfrastructureStack", "ArchonAgentStack",
                                                  "ArchonKnowledgeBaseStack"));
  EXPECT_EQ(assembly->stacks[2].account, "111122223333");
  EXPECT_EQ(assembly->stacks[2].region, "us-east-1");
  EXPECT_EQ(assembly->stacks[2].template_file, kData / "archon" / "ArchonAgentStack.template.json");
}

TEST(ReadAssembly, FollowsStagesIntoTheirOwnAssemblies) {
  const auto assembly = read_assembly(kData / "staged");
  ASSERT_TRUE(assembly) << describe(assembly.error());
  EXPECT_THAT(names(*assembly),
              ElementsAre("Dev/Data", "Dev/Api", "Dev/Ui", "Prod/Data", "Prod/Api", "Prod/Ui"));
  EXPECT_EQ(assembly->stacks[4].physical_name, "prod-api");
  EXPECT_EQ(environment_address(assembly->stacks[4]), "aws://333344445555/eu-west-1");
  EXPECT_THAT(needs_of(*assembly, 4), ElementsAre("Prod/Data"));
  EXPECT_THAT(needs_of(*assembly, 2), ElementsAre("Dev/Api"));
}

TEST(ReadAssembly, KnowsStacksThatLeaveTheirEnvironmentOpen) {
  const auto assembly = read_assembly(kData / "agnostic");
  ASSERT_TRUE(assembly) << describe(assembly.error());
  ASSERT_THAT(names(*assembly), ElementsAre("Base", "Web"));
  EXPECT_FALSE(assembly->stacks[0].account);
  EXPECT_FALSE(assembly->stacks[0].region);
  EXPECT_EQ(environment_address(assembly->stacks[0]), "aws://unknown-account/unknown-region");
  EXPECT_EQ(assembly->stacks[1].physical_name, "acme-web");
}

class WrittenAssembly : public testing::Test {
 protected:
  void SetUp() override {
    auto created =
        os::TemporaryDirectory::create(std::filesystem::temp_directory_path(), "aphex-assembly-");
    ASSERT_TRUE(created);
    directory_.emplace(std::move(*created));
  }

  Result<Assembly> read(std::string_view manifest) {
    EXPECT_TRUE(os::write_file_atomic(directory_->path() / "manifest.json", manifest));
    return read_assembly(directory_->path());
  }
  std::string error_of(std::string_view manifest) {
    const auto assembly = read(manifest);
    return assembly ? "no error" : assembly.error().message;
  }

  std::optional<os::TemporaryDirectory> directory_;
};

TEST_F(WrittenAssembly, FindsDependenciesThroughAssets) {
  const auto assembly = read(R"({"version": "36.0.0", "artifacts": {
    "B": {"type": "aws:cloudformation:stack", "environment": "aws://1/r", "dependencies": ["B.x"],
          "properties": {"templateFile": "B.json"}},
    "B.x": {"type": "cdk:asset-manifest", "dependencies": ["A", "B.x"]},
    "A": {"type": "aws:cloudformation:stack", "environment": "aws://1/r",
          "properties": {"templateFile": "A.json"}}}})");
  ASSERT_TRUE(assembly) << describe(assembly.error());
  EXPECT_THAT(needs_of(*assembly, 0), ElementsAre("A"));
}

TEST_F(WrittenAssembly, TellsWhatContextIsMissing) {
  const auto assembly = read(R"({"version": "36.0.0", "missing": [{"key": "vpc-provider:x"}]})");
  ASSERT_TRUE(assembly) << describe(assembly.error());
  EXPECT_THAT(assembly->missing, ElementsAre("vpc-provider:x"));
  EXPECT_THAT(assembly->stacks, IsEmpty());
}

TEST_F(WrittenAssembly, RefusesDamageWithItsPlace) {
  const std::string file = (directory_->path() / "manifest.json").string();
  EXPECT_THAT(error_of("{"), HasSubstr("the cloud assembly is damaged: " + file + ": "));
  EXPECT_EQ(error_of("{}"), "the cloud assembly is damaged: " + file + ": it has no version");
  EXPECT_EQ(
      error_of(R"({"version": "36.0.0", "artifacts": {"A":
      {"type": "aws:cloudformation:stack", "environment": "aws://1/r",
       "properties": {"templateFile": "../A.json"}}}})"),
      "the cloud assembly is damaged: " + file + ": stack A names no template inside the assembly");
  EXPECT_EQ(error_of(R"({"version": "36.0.0", "artifacts": {"A":
      {"type": "aws:cloudformation:stack", "environment": "nowhere",
       "properties": {"templateFile": "A.json"}}}})"),
            "the cloud assembly is damaged: " + file +
                ": stack A has environment 'nowhere', not aws://account/region");
}

TEST_F(WrittenAssembly, RefusesStagesThatHoldThemselves) {
  EXPECT_THAT(error_of(R"({"version": "36.0.0", "artifacts": {"A":
      {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}}})"),
              HasSubstr("stages nest too deeply"));
}

// Each level is read twice as often as the one above it: 2,048 times at the last.
TEST_F(WrittenAssembly, RefusesManifestsThatNameTheNextOnesTwice) {
  const std::string twice = R"({"version": "36.0.0", "artifacts": {
      "A": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "next"}},
      "B": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "./next"}}}})";
  std::filesystem::path level = directory_->path();
  for (int depth = 1; depth <= 11; ++depth) {
    level /= "next";
    ASSERT_TRUE(os::make_directories(level));
    const bool last = depth == 11;
    ASSERT_TRUE(os::write_file_atomic(level / "manifest.json",
                                      last ? R"({"version": "36.0.0", "artifacts": {}})" : twice));
  }
  EXPECT_THAT(error_of(twice), HasSubstr("more than 1000 manifests are nested in one another"));
}

TEST_F(WrittenAssembly, SaysThatThereIsNone) {
  const auto assembly = read_assembly(directory_->path() / "cdk.out");
  ASSERT_FALSE(assembly);
  EXPECT_EQ(assembly.error().code, ErrorCode::not_found);
  EXPECT_EQ(assembly.error().message,
            "there is no cloud assembly in " + (directory_->path() / "cdk.out").string());
}

}  // namespace
}  // namespace aphex::engine
