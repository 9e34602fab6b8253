#pragma once
// CloudWatch alarms and dashboards.

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aphex/cfn.hpp"

namespace aphex::cloudwatch {

enum class Comparison {
  greater_than_or_equal,
  greater_than,
  less_than,
  less_than_or_equal,
};

enum class MissingData { missing, not_breaching, breaching, ignore };

struct AlarmProps {
  Value alarm_name = {};  // null: made by CloudFormation
  std::string description = {};
  std::string metric_namespace = {};
  std::string metric_name = {};
  std::vector<std::pair<std::string, Value>> dimensions = {};
  std::string statistic = "Sum";  // or a percentile: "p99"
  std::string unit = {};
  std::chrono::seconds period{300};
  int evaluation_periods = 1;
  std::optional<int> datapoints_to_alarm = {};
  double threshold = 0;
  Comparison comparison = Comparison::greater_than_or_equal;
  MissingData treat_missing_data = MissingData::missing;
  // Instead of one metric: the property "Metrics" as CloudFormation takes it.
  Value metrics = {};
  std::vector<Value> alarm_actions = {};  // ARNs of topics
  std::vector<Value> ok_actions = {};
  std::vector<Value> insufficient_data_actions = {};
};

class Alarm : public CfnResource {
 public:
  Alarm(Construct& scope, std::string id, AlarmProps props);
  Value arn() const { return get_att("Arn"); }
  Value name() const { return ref(); }
  std::string_view type_name() const override { return "aphex.cloudwatch.Alarm"; }
};

struct DashboardProps {
  Value dashboard_name = {};
  // {"widgets": [...]} as CloudWatch describes it ("Dashboard body structure and syntax"); tokens
  // may stand anywhere within as values.
  Value body = {};
};

class Dashboard : public CfnResource {
 public:
  Dashboard(Construct& scope, std::string id, DashboardProps props);
  Value name() const { return ref(); }
  std::string_view type_name() const override { return "aphex.cloudwatch.Dashboard"; }
};

}  // namespace aphex::cloudwatch
