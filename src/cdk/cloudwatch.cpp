#include "aphex/cloudwatch.hpp"

#include <cmath>

#include "cdk/policy.hpp"

namespace aphex::cloudwatch {
namespace {

const char* name_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::greater_than_or_equal:
      return "GreaterThanOrEqualToThreshold";
    case Comparison::greater_than:
      return "GreaterThanThreshold";
    case Comparison::less_than:
      return "LessThanThreshold";
    case Comparison::less_than_or_equal:
      return "LessThanOrEqualToThreshold";
  }
  return "";
}

const char* name_of(MissingData missing) {
  switch (missing) {
    case MissingData::missing:
      return "missing";
    case MissingData::not_breaching:
      return "notBreaching";
    case MissingData::breaching:
      return "breaching";
    case MissingData::ignore:
      return "ignore";
  }
  return "";
}

// A whole number is written as one.
Value number(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::floor(value) == value && std::abs(value) <= kExact)
    return static_cast<std::int64_t>(value);
  return value;
}

// SampleCount, Average, Sum, Minimum and Maximum are one property, percentiles another.
bool is_simple(const std::string& statistic) {
  return statistic == "SampleCount" || statistic == "Average" || statistic == "Sum" ||
         statistic == "Minimum" || statistic == "Maximum";
}

Value dimensions_of(const std::vector<std::pair<std::string, Value>>& dimensions) {
  Value::Array list;
  for (const auto& [name, value] : dimensions)
    list.push_back(Value::object({{"Name", name}, {"Value", value}}));
  return cdk::list_or_null(std::move(list));
}

}  // namespace

Alarm::Alarm(Construct& scope, std::string id, AlarmProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::CloudWatch::Alarm", .properties = {}}) {
  const bool one_metric = props.metrics.is_null();
  if (one_metric == props.metric_name.empty()) {
    node().add_problem(one_metric ? "the alarm has no metric" : "the alarm has a metric twice",
                       "give metric_namespace and metric_name, or metrics");
  }
  Value value = Value::object({{"AlarmName", std::move(props.alarm_name)},
                               {"AlarmDescription", cdk::text_or_null(props.description)}});
  if (one_metric) {
    value.set("Namespace", props.metric_namespace);
    value.set("MetricName", props.metric_name);
    value.set("Dimensions", dimensions_of(props.dimensions));
    value.set(is_simple(props.statistic) ? "Statistic" : "ExtendedStatistic", props.statistic);
    value.set("Unit", cdk::text_or_null(props.unit));
    value.set("Period", std::int64_t{props.period.count()});
  } else {
    value.set("Metrics", std::move(props.metrics));
  }
  value.set("EvaluationPeriods", props.evaluation_periods);
  if (props.datapoints_to_alarm) value.set("DatapointsToAlarm", *props.datapoints_to_alarm);
  value.set("Threshold", number(props.threshold));
  value.set("ComparisonOperator", name_of(props.comparison));
  value.set("TreatMissingData", name_of(props.treat_missing_data));
  value.set("AlarmActions", cdk::list_or_null(std::move(props.alarm_actions)));
  value.set("OKActions", cdk::list_or_null(std::move(props.ok_actions)));
  value.set("InsufficientDataActions",
            cdk::list_or_null(std::move(props.insufficient_data_actions)));
  properties() = std::move(value);
}

Dashboard::Dashboard(Construct& scope, std::string id, DashboardProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::CloudWatch::Dashboard", .properties = {}}) {
  properties() = Value::object({{"DashboardName", std::move(props.dashboard_name)},
                                {"DashboardBody", to_json_text(props.body)}});
}

}  // namespace aphex::cloudwatch
