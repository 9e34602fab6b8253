#include "stage/workflow_end.hpp"

#include <gtest/gtest.h>

namespace aphex::stage {
namespace {

Pod pod() {
  Pod pod;
  pod.parameters = {std::string(40, 'a'), "https://github.com/acme/app.git", "main",
                    "Ada <ada@example.com>", "Faster\n\nin every way"};
  pod.pipeline = "app";
  pod.workflow = "app-aaaa";
  pod.name_space = "pipelines";
  return pod;
}

os::EnvironmentVariables ended(std::string status, std::string failures) {
  return {{"APHEX_WORKFLOW_STATUS", std::move(status)},
          {"APHEX_WORKFLOW_DURATION", "754.318922"},
          {"APHEX_WORKFLOW_FAILURES", std::move(failures)}};
}

constexpr const char* kFailures =
    R"json([{"displayName":"deploy-dev","message":"main: Error (exit code 1)",)json"
    R"json("templateName":"deploy-dev","phase":"Failed","podName":"app-aaaa-deploy-dev-1",)json"
    R"json("finishedAt":"2026-01-31T08:15:30Z"}])json";

TEST(WorkflowEnd, IsReadAsArgoWritesIt) {
  // Argo quotes the list once more.
  const std::string quoted = "\"" + [] {
    std::string text;
    for (const char* c = kFailures; *c != '\0'; ++c) {
      if (*c == '"') text += '\\';
      text += *c;
    }
    return text;
  }() + "\"";
  for (const std::string& text : {std::string(kFailures), quoted}) {
    const auto result = read_workflow_result(ended("Failed", text));
    ASSERT_TRUE(result) << describe(result.error());
    EXPECT_EQ(result->status, WorkflowStatus::failed);
    EXPECT_DOUBLE_EQ(result->duration_seconds, 754.318922);
    ASSERT_EQ(result->failures.size(), 1U) << text;
    EXPECT_EQ(result->failures[0].node, "deploy-dev");
    EXPECT_EQ(result->failures[0].message, "main: Error (exit code 1)");
  }
}

TEST(WorkflowEnd, WithoutAReadableListStillHasItsStatus) {
  for (const char* text : {"", "null", "\"null\"", "[]", "{{workflow.failures}}", "{\"a\":1}"}) {
    const auto result = read_workflow_result(ended("Succeeded", text));
    ASSERT_TRUE(result) << text << ": " << describe(result.error());
    EXPECT_TRUE(result->failures.empty());
  }
}

TEST(WorkflowEnd, MayBeTheBeginningOfAnother) {
  os::EnvironmentVariables variables = ended("Succeeded", "");
  variables["APHEX_WORKFLOW_OUTCOME"] = "handed-over";
  EXPECT_EQ(read_workflow_result(variables)->status, WorkflowStatus::handed_over);
  variables["APHEX_WORKFLOW_OUTCOME"] = "{{workflow.outputs.parameters.outcome}}";
  EXPECT_EQ(read_workflow_result(variables)->status, WorkflowStatus::succeeded);
}

TEST(WorkflowEnd, MustHaveEnded) {
  const auto running = read_workflow_result(ended("Running", ""));
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().message,
            "APHEX_WORKFLOW_STATUS is 'Running', none of Succeeded, Failed, Error");
  os::EnvironmentVariables variables = ended("Failed", "");
  variables["APHEX_WORKFLOW_DURATION"] = "{{workflow.duration}}";
  EXPECT_FALSE(read_workflow_result(variables));
}

TEST(WorkflowEnd, IsAnnouncedWithWhatPeopleAskFirst) {
  Pod of = pod();
  of.argo_server_url = "https://argo.example.com/";
  const auto result = read_workflow_result(ended("Failed", kFailures));
  ASSERT_TRUE(result);
  const Announcement words = announcement(of, *result);
  EXPECT_EQ(words.subject, "app failed: aaaaaaaaaaaa on main");
  EXPECT_EQ(words.text,
            "Pipeline app failed after 12m 34s.\n\n"
            "Commit:   aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
            "Branch:   main\n"
            "Author:   Ada <ada@example.com>\n"
            "Message:  Faster\n"
            "Workflow: app-aaaa in namespace pipelines\n"
            "Link:     https://argo.example.com/workflows/pipelines/app-aaaa\n"
            "\nWhat failed:\n"
            "- deploy-dev: main: Error (exit code 1)\n");
}

}  // namespace
}  // namespace aphex::stage
