#include "stage/stage_metrics.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aphex::stage {
namespace {

std::vector<std::string> lines(const std::vector<aws::Metric>& metrics) {
  std::vector<std::string> out;
  for (const aws::Metric& metric : metrics) {
    std::string line = fmt::format("{} {} {}", metric.name, metric.value, metric.unit);
    for (const auto& [name, value] : metric.dimensions)
      line += fmt::format(" {}={}", name, value);
    out.push_back(std::move(line));
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(StageMetrics, OfADeploymentCountItForThePipelineAndItsEnvironment) {
  StageEnd end{.pipeline = "app",
               .stage = "deploy-dev",
               .kind = plan::StageKind::deploy,
               .environment = "dev",
               .succeeded = true,
               .duration = std::chrono::milliseconds(90'500),
               .uploaded_bytes = 0,
               .time = {}};
  EXPECT_EQ(lines(stage_metrics(end)),
            (Lines{"StageDuration 90.5 Seconds Pipeline=app",
                   "StageDuration 90.5 Seconds Pipeline=app Stage=deploy-dev",
                   "DeploymentSucceeded 1 Count Pipeline=app",
                   "DeploymentSucceeded 1 Count Pipeline=app Environment=dev"}));
  end.succeeded = false;
  EXPECT_EQ(lines(stage_metrics(end))[2], "DeploymentFailed 1 Count Pipeline=app");
}

TEST(StageMetrics, OfABuildSayHowMuchItUploaded) {
  const StageEnd end{.pipeline = "app",
                     .stage = "build",
                     .kind = plan::StageKind::build,
                     .environment = "",
                     .succeeded = true,
                     .duration = std::chrono::milliseconds(1'000),
                     .uploaded_bytes = 5'000'000'000,
                     .time = {}};
  EXPECT_EQ(lines(stage_metrics(end)).back(), "ArtifactSize 5000000000 Bytes Pipeline=app");
}

TEST(StageMetrics, OfAWorkflow) {
  EXPECT_EQ(
      lines(workflow_metrics(
          {.pipeline = "app", .succeeded = false, .duration_seconds = 12.5, .time = {}})),
      (Lines{"WorkflowFailed 1 Count Pipeline=app", "WorkflowDuration 12.5 Seconds Pipeline=app"}));
  Pod pod;
  pod.pipeline = "app";
  EXPECT_TRUE(elapsed_metrics(pod, os::WallTime{}).empty()) << "it is not known when it began";
  pod.workflow_started = os::WallTime(std::chrono::seconds(100));
  EXPECT_EQ(lines(elapsed_metrics(pod, os::WallTime(std::chrono::seconds(160)))),
            Lines{"WorkflowElapsed 60 Seconds Pipeline=app"});
}

TEST(StageMetrics, TheTickerPublishesAtOnceAndEndsAtOnce) {
  std::atomic<int> times{0};
  const auto begin = std::chrono::steady_clock::now();
  {
    const ElapsedTicker ticker([&] { ++times; }, std::chrono::hours(1));
    while (times == 0)
      std::this_thread::yield();
  }
  EXPECT_EQ(times, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::minutes(1));
}

}  // namespace
}  // namespace aphex::stage
