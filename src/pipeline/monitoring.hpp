#pragma once
// What is watched of a pipeline's runs, in the metrics that its stages publish (plan/metrics.hpp).

#include <string>
#include <vector>

#include "aphex/cloudwatch.hpp"
#include "pipeline/settings.hpp"

namespace aphex::pipeline {

struct NamedAlarm {
  std::string id;  // of the construct
  cloudwatch::AlarmProps props;
};
// `topic` is the ARN that they report to.
std::vector<NamedAlarm> alarms(const Settings& settings, const Value& topic);

// CloudWatch's names of dashboards are of the whole account, hence the region in it.
std::string dashboard_name(const Settings& settings);
// As CloudWatch describes it ("Dashboard Body Structure and Syntax").
Value dashboard_body(const Settings& settings);

}  // namespace aphex::pipeline
