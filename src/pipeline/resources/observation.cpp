// Logs, the topic of the alarms, the alarms, the dashboard.
#include "aphex/logs.hpp"
#include "aphex/sns.hpp"
#include "doc/value.hpp"
#include "pipeline/monitoring.hpp"
#include "pipeline/resource_table.hpp"

namespace aphex::pipeline::resources {
namespace {

Value alarm_topic(StackParts& parts, Construct& group) {
  const Settings& settings = parts.settings;
  if (!settings.alarm_topic_arn.empty()) return settings.alarm_topic_arn;
  // Not encrypted with the key of Amazon SNS: CloudWatch may not use that one, and alarms would be
  // lost silently. What is sent names pipelines and alarms, no secret.
  sns::TopicProps props;
  props.topic_name = settings.alarm_topic_name;
  return group.make<sns::Topic>("AlarmTopic", std::move(props)).arn();
}

}  // namespace

void add_observation(StackParts& parts) {
  const Settings& settings = parts.settings;
  Construct& group = parts.group("Observation");
  group.make<logs::LogGroup>("Logs",
                             logs::LogGroupProps{.log_group_name = settings.log_group,
                                                 .retention_days = settings.log_retention_days,
                                                 .kms_key_arn = {},
                                                 .removal_policy = RemovalPolicy::destroy});
  parts.alarm_topic = alarm_topic(parts, group);
  for (NamedAlarm& alarm : alarms(settings, parts.alarm_topic)) {
    group.make<cloudwatch::Alarm>(std::move(alarm.id), std::move(alarm.props));
  }
  group.make<cloudwatch::Dashboard>(
      "Dashboard", cloudwatch::DashboardProps{.dashboard_name = dashboard_name(settings),
                                              .body = dashboard_body(settings)});
}

}  // namespace aphex::pipeline::resources
