#pragma once
// CloudWatch metrics: PutMetricData.
// docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "aws/credentials.hpp"

namespace aphex::aws {

inline constexpr std::size_t kMaxMetricsPerCall = 1'000;
inline constexpr std::size_t kMaxMetricCallBytes = 1U << 20U;

struct Metric {
  std::string name;
  std::vector<std::pair<std::string, std::string>> dimensions;  // at most 30
  std::string unit;                                             // "Seconds", "Count", "Bytes"
  double value = 0;
  os::WallTime time;
};

struct MetricDestination {
  std::string region;
  std::string name_space;
  int max_attempts = 0;  // of each call; 0: the client's default
};

// In as few calls as the limits allow. After an Error some of them may have arrived.
Status put_metrics(const AwsContext& context, const MetricDestination& destination,
                   const std::vector<Metric>& metrics, const os::CancelToken& cancel);

}  // namespace aphex::aws
