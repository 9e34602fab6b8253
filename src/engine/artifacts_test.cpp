// Artifacts of a commit: what the build leaves, what a later stage gets back.
#include "engine/artifacts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_step.hpp"
#include "engine/working_copy.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

plan::Plan plan_that_builds(const std::vector<std::string>& commands,
                            std::vector<std::string> artifacts = {},
                            std::vector<std::string> cache = {"node_modules"}) {
  plan::Plan plan = fake_plan({});
  plan::Stage build;
  build.id = "build";
  build.kind = plan::StageKind::build;
  build.steps.push_back({"cache", "", plan::RestoreCache{std::move(cache)}});
  for (const std::string& command : commands) {
    build.steps.push_back(
        {"build", command, plan::RunCommand{plan::CommandRole::build, command, std::nullopt}});
  }
  build.steps.push_back({"upload", "", plan::UploadArtifacts{std::move(artifacts)}});
  plan.stages.push_back(std::move(build));
  return plan;
}

class ArtifactsTest : public testing::Test {
 protected:
  ArtifactsTest() : step_(plan_that_builds({"make"})) {
    step_.write(
        step_.paths.root / "work.json",
        R"({"version":1,"commit":")" + step_.parameters.commit_sha + R"(","artifacts":false})");
    fs::create_directories(step_.paths.work());
  }
  StepContext& context() {
    return step_.context(plan::StageKind::deploy, plan::DownloadArtifacts{});
  }
  // As if the build had uploaded one archive, whose content is not one.
  ArtifactManifest uploaded(const std::string& content) {
    const fs::path file = step_.root() / "archive";
    step_.write(file, content);
    StepContext& step = context();
    const auto blob = step_.artifacts->put_file(
        artifact_prefix(step) + "/" + std::string(kBuildOutput), file, {});
    EXPECT_TRUE(blob);
    ArtifactManifest manifest{build_digest(step_.plan), {*blob}};
    manifest.files[0].key = kBuildOutput;
    return manifest;
  }

  FakeStep step_;
};

TEST(BuildDigest, ChangesWithCommandsPathsAndCachesAlone) {
  const std::string digest = build_digest(plan_that_builds({"make", "make test"}));
  EXPECT_EQ(digest, build_digest(plan_that_builds({"make", "make test"})));
  EXPECT_NE(digest, build_digest(plan_that_builds({"make test", "make"}))) << "order matters";
  EXPECT_NE(digest, build_digest(plan_that_builds({"make", "make test"}, {"out"})));
  EXPECT_NE(digest, build_digest(plan_that_builds({"make", "make test"}, {}, {"vendor"})));
  plan::Plan renamed = plan_that_builds({"make", "make test"});
  renamed.pipeline = "other";
  renamed.environments[0].account = "999988887777";
  EXPECT_EQ(digest, build_digest(renamed)) << "where it is deployed changes no build";
}

TEST_F(ArtifactsTest, ACommitsArtifactsStandUnderItsHash) {
  EXPECT_EQ(artifact_prefix(context()), std::string(40, 'a'));
}

TEST_F(ArtifactsTest, AWorkingTreesArtifactsAreTheRunsOwn) {
  step_.options.source = Source::worktree;
  EXPECT_EQ(artifact_prefix(context()), std::string(40, 'a') + "-worktree-7");
}

TEST_F(ArtifactsTest, TheManifestIsReadBackAsWritten) {
  ArtifactManifest manifest{"d1",
                            {{"build-output.tar.gz", 12, "ab"}, {"cdk.out/dev.tar.gz", 3, "cd"}}};
  ASSERT_TRUE(write_manifest(context(), manifest));

  const auto read = read_manifest(context());

  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->build_digest, "d1");
  ASSERT_NE((*read)->find("cdk.out/dev.tar.gz"), nullptr);
  EXPECT_EQ((*read)->find("cdk.out/dev.tar.gz")->sha256, "cd");
  EXPECT_EQ((*read)->find("node_modules.tar.gz"), nullptr);
}

TEST_F(ArtifactsTest, ACommitThatWasNotBuiltHasNone) {
  const auto read = read_manifest(context());
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->has_value());
}

TEST_F(ArtifactsTest, AManifestOfAnotherVersionIsRefused) {
  const fs::path file = step_.root() / "artifacts.json";
  step_.write(file, R"({"version": 2, "files": []})");
  ASSERT_TRUE(step_.artifacts->put_file(std::string(40, 'a') + "/artifacts.json", file, {}));

  const auto read = read_manifest(context());

  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::unsupported);
  EXPECT_EQ(read.error().hint, "build the commit again: 'aphex run --rebuild'");
}

TEST_F(ArtifactsTest, MissingArtifactsAreNamedWithTheirPlace) {
  const auto fetched = fetch_artifacts(context());
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::not_found);
  EXPECT_THAT(fetched.error().message,
              HasSubstr("the artifacts of commit aaaaaaaaaaaa are not in "));
}

TEST_F(ArtifactsTest, AnArchiveThatSomebodyReplacedIsRefused) {
  ArtifactManifest manifest = uploaded("something");
  manifest.files[0].sha256 = std::string(64, '0');
  ASSERT_TRUE(write_manifest(context(), manifest));

  const auto fetched = fetch_artifacts(context());

  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::corrupt);
  EXPECT_THAT(fetched.error().message, HasSubstr("is not the one that the build uploaded"));
  EXPECT_NE(working_copy_state(context()), WorkingCopyState::built);
}

TEST_F(ArtifactsTest, AnArchiveThatIsNoneIsNamed) {
  ASSERT_TRUE(write_manifest(context(), uploaded("no archive at all")));

  const auto fetched = fetch_artifacts(context());

  ASSERT_FALSE(fetched);
  EXPECT_THAT(fetched.error().message,
              HasSubstr("cannot unpack artifact " + std::string(40, 'a') + "/build-output.tar.gz"));
}

TEST_F(ArtifactsTest, WhatIsThereAlreadyIsNotFetchedAgain) {
  ASSERT_TRUE(mark_working_copy_built(context()));
  EXPECT_EQ(fetch_artifacts(context()), 0U);
}

}  // namespace
}  // namespace aphex::engine
