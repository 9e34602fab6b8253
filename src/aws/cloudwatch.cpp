#include "aws/cloudwatch.hpp"

#include <fmt/format.h>

#include "aws/query.hpp"

namespace aphex::aws {
namespace {

constexpr std::string_view kVersion = "2010-08-01";
// Of a call: Action, Version and Namespace, encoded.
constexpr std::size_t kCallOverheadBytes = 1'024;

QueryParameters parameters_of(const Metric& metric, std::size_t number) {
  const std::string prefix = fmt::format("MetricData.member.{}.", number);
  QueryParameters out{{prefix + "MetricName", metric.name},
                      {prefix + "Unit", metric.unit},
                      {prefix + "Value", fmt::format("{}", metric.value)},
                      {prefix + "Timestamp", os::format_time(metric.time)}};
  std::size_t index = 0;
  for (const auto& [name, value] : metric.dimensions) {
    const std::string dimension = fmt::format("{}Dimensions.member.{}.", prefix, ++index);
    out.emplace_back(dimension + "Name", name);
    out.emplace_back(dimension + "Value", value);
  }
  return out;
}

}  // namespace

Status put_metrics(const AwsContext& context, const MetricDestination& destination,
                   const std::vector<Metric>& metrics, const os::CancelToken& cancel) {
  std::size_t next = 0;
  while (next < metrics.size()) {
    QueryCall query{.title = "CloudWatch PutMetricData",
                    .subject = destination.name_space,
                    .service = "monitoring",
                    .region = destination.region,
                    .parameters = {{"Action", "PutMetricData"},
                                   {"Version", std::string(kVersion)},
                                   {"Namespace", destination.name_space}},
                    .max_attempts = destination.max_attempts};
    std::size_t bytes = kCallOverheadBytes;
    std::size_t count = 0;
    while (next < metrics.size() && count < kMaxMetricsPerCall) {
      QueryParameters more = parameters_of(metrics[next], count + 1);
      const std::size_t size = encode_query(more).size() + 1;
      if (count > 0 && bytes + size > kMaxMetricCallBytes) break;
      std::move(more.begin(), more.end(), std::back_inserter(query.parameters));
      bytes += size;
      ++count;
      ++next;
    }
    APHEX_TRY([[maybe_unused]] const XmlElement answer, call_query(context, query, cancel));
  }
  return {};
}

}  // namespace aphex::aws
