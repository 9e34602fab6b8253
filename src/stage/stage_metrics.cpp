#include "stage/stage_metrics.hpp"

#include "engine/deadline.hpp"
#include "plan/metrics.hpp"

namespace aphex::stage {
namespace {

namespace dimension = plan::dimension;
namespace metric = plan::metric;
namespace unit = plan::unit;

// Metrics are worth some seconds of a stage's end, no more.
constexpr std::chrono::seconds kPatience{10};
constexpr int kAttempts = 3;

using Dimensions = std::vector<std::pair<std::string, std::string>>;

struct Point {
  std::string_view name;
  std::string_view unit;
  double value;
};

aws::Metric metric_of(const Point& point, Dimensions dimensions, os::WallTime time) {
  return {std::string(point.name), std::move(dimensions), std::string(point.unit), point.value,
          time};
}

double seconds_of(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::vector<aws::Metric> stage_metrics(const StageEnd& end) {
  const Dimensions whole{{std::string(dimension::kPipeline), end.pipeline}};
  const auto with = [&](std::string_view name, const std::string& value) {
    Dimensions dimensions = whole;
    dimensions.emplace_back(name, value);
    return dimensions;
  };
  const Point duration{metric::kStageDuration, unit::kSeconds, seconds_of(end.duration)};
  std::vector<aws::Metric> metrics{
      metric_of(duration, whole, end.time),
      metric_of(duration, with(dimension::kStage, end.stage), end.time)};
  if (end.kind == plan::StageKind::deploy) {
    const Point deployed{end.succeeded ? metric::kDeploymentSucceeded : metric::kDeploymentFailed,
                         unit::kCount, 1};
    metrics.push_back(metric_of(deployed, whole, end.time));
    if (!end.environment.empty()) {
      metrics.push_back(
          metric_of(deployed, with(dimension::kEnvironment, end.environment), end.time));
    }
  }
  if (end.uploaded_bytes > 0) {
    const Point size{metric::kArtifactSize, unit::kBytes, static_cast<double>(end.uploaded_bytes)};
    metrics.push_back(metric_of(size, whole, end.time));
  }
  return metrics;
}

std::vector<aws::Metric> workflow_metrics(const WorkflowEnd& end) {
  const Dimensions whole{{std::string(dimension::kPipeline), end.pipeline}};
  const std::string_view ended =
      end.succeeded ? metric::kWorkflowSucceeded : metric::kWorkflowFailed;
  return {metric_of({ended, unit::kCount, 1}, whole, end.time),
          metric_of({metric::kWorkflowDuration, unit::kSeconds, end.duration_seconds}, whole,
                    end.time)};
}

std::vector<aws::Metric> elapsed_metrics(const Pod& pod, os::WallTime now) {
  if (!pod.workflow_started || now < *pod.workflow_started) return {};
  const Point elapsed{metric::kWorkflowElapsed, unit::kSeconds,
                      seconds_of(now - *pod.workflow_started)};
  return {metric_of(elapsed, {{std::string(dimension::kPipeline), pod.pipeline}}, now)};
}

Status publish_metrics(const aws::AwsContext& aws, const std::string& name_space,
                       const std::vector<aws::Metric>& metrics) {
  if (name_space.empty() || metrics.empty()) return {};
  os::CancelSource source;
  const engine::Deadline deadline(source, kPatience, "CloudWatch takes too long");
  return aws::put_metrics(aws,
                          {.region = aws::configured_region(aws.environment),
                           .name_space = name_space,
                           .max_attempts = kAttempts},
                          metrics, source.token());
}

ElapsedTicker::ElapsedTicker(Publish publish, std::chrono::milliseconds interval)
    : thread_([this, publish = std::move(publish), interval] {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
          lock.unlock();
          publish();
          lock.lock();
          stop_.wait_for(lock, interval, [this] { return stopping_; });
        }
      }) {}

ElapsedTicker::~ElapsedTicker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

}  // namespace aphex::stage
