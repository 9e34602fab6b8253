#pragma once
// What stages and runs tell CloudWatch, by the names of plan/metrics.hpp.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "aws/cloudwatch.hpp"
#include "plan/plan.hpp"
#include "stage/pod.hpp"

namespace aphex::stage {

struct StageEnd {
  std::string pipeline;
  std::string stage;
  plan::StageKind kind = plan::StageKind::validate;
  std::string environment;  // empty: none
  bool succeeded = false;
  std::chrono::milliseconds duration{0};
  std::uint64_t uploaded_bytes = 0;
  os::WallTime time;
};
std::vector<aws::Metric> stage_metrics(const StageEnd& end);

struct WorkflowEnd {
  std::string pipeline;
  bool succeeded = false;
  double duration_seconds = 0;
  os::WallTime time;
};
std::vector<aws::Metric> workflow_metrics(const WorkflowEnd& end);

// Empty where the pod does not know since when its workflow goes.
std::vector<aws::Metric> elapsed_metrics(const Pod& pod, os::WallTime now);

// Sends them for no longer than some seconds; an Error is for the log only.
Status publish_metrics(const aws::AwsContext& aws, const std::string& name_space,
                       const std::vector<aws::Metric>& metrics);

// At once and every minute, while it lives: how long the workflow has been going.
class ElapsedTicker {
 public:
  using Publish = std::function<void()>;
  explicit ElapsedTicker(Publish publish, std::chrono::milliseconds interval);
  ~ElapsedTicker();
  ElapsedTicker(const ElapsedTicker&) = delete;
  ElapsedTicker& operator=(const ElapsedTicker&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;     // last: it uses the others
};

}  // namespace aphex::stage
