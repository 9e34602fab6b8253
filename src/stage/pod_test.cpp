#include "stage/pod.hpp"

#include <gtest/gtest.h>

namespace aphex::stage {
namespace {

os::EnvironmentVariables whole() {
  return {{"APHEX_COMMIT_SHA", std::string(40, 'a')},
          {"APHEX_REPOSITORY_URL", "https://github.com/acme/app.git"},
          {"APHEX_BRANCH", "main"},
          {"APHEX_AUTHOR", ""},
          {"APHEX_MESSAGE", "A change\n\nin two paragraphs"},
          {"APHEX_PIPELINE", "app"},
          {"APHEX_WORKFLOW", "app-aaaa"},
          {"APHEX_NAMESPACE", "pipelines"},
          {"APHEX_GITHUB_REPOSITORY", "acme/app"},
          {"APHEX_PLAN_DIGEST", "0123"},
          {"APHEX_CONFIG_PATH", "aphex-config.yaml"},
          {"APHEX_WORKFLOW_STARTED", "1769847330"}};
}

TEST(Pod, IsReadFromTheEnvironment) {
  const auto pod = read_pod(whole(), Container::stage);
  ASSERT_TRUE(pod) << describe(pod.error());
  EXPECT_EQ(pod->parameters.message, "A change\n\nin two paragraphs");
  EXPECT_EQ(pod->parameters.author, "") << "an author may say nothing";
  EXPECT_EQ(pod->plan_digest, "0123");
  ASSERT_TRUE(pod->workflow_started);
  EXPECT_EQ(os::format_time(*pod->workflow_started), "2026-01-31T08:15:30.000Z");
  EXPECT_EQ(pod->log_group, "");
}

TEST(Pod, NamesEveryVariableThatIsMissing) {
  os::EnvironmentVariables variables = whole();
  variables.erase("APHEX_BRANCH");
  variables.erase("APHEX_WORKFLOW");
  variables["APHEX_PLAN_DIGEST"] = "";
  const auto pod = read_pod(variables, Container::stage);
  ASSERT_FALSE(pod);
  EXPECT_EQ(pod.error().message, "APHEX_BRANCH, APHEX_WORKFLOW, APHEX_PLAN_DIGEST are not set");
  EXPECT_EQ(pod.error().code, ErrorCode::usage);
}

TEST(Pod, AsksOnlyForWhatItsContainerNeeds) {
  os::EnvironmentVariables variables = whole();
  variables.erase("APHEX_PLAN_DIGEST");
  EXPECT_TRUE(read_pod(variables, Container::clone));
  const auto exit = read_pod(variables, Container::exit);
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().message, "APHEX_WORKFLOW_STATUS, APHEX_WORKFLOW_DURATION are not set");
}

TEST(Pod, TakesNothingButACommitForACommit) {
  for (const std::string& sha :
       {std::string("main"), std::string(39, 'a'), std::string(41, 'a'), std::string(40, 'A'),
        std::string(38, 'a') + "/.", "$(reboot)" + std::string(31, '0')}) {
    os::EnvironmentVariables variables = whole();
    variables["APHEX_COMMIT_SHA"] = sha;
    const auto pod = read_pod(variables, Container::stage);
    ASSERT_FALSE(pod) << sha;
    EXPECT_EQ(pod.error().message,
              "APHEX_COMMIT_SHA is '" + sha + "', not a commit's 40 lower-case hexadecimal digits");
  }
}

}  // namespace
}  // namespace aphex::stage
