#include "aphex/cloudtrail.hpp"

#include "cdk/policy.hpp"

namespace aphex::cloudtrail {

Trail::Trail(Construct& scope, std::string id, TrailProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::CloudTrail::Trail", .properties = {}}) {
  const bool all_regions = props.regions == Regions::all;
  Value selector = Value::object(
      {{"ReadWriteType", "All"},
       {"IncludeManagementEvents", props.management_events == ManagementEvents::all}});
  if (!props.s3_data_event_arns.empty()) {
    selector.set("DataResources",
                 Value::array({Value::object({{"Type", "AWS::S3::Object"},
                                              {"Values", std::move(props.s3_data_event_arns)}})}));
  } else if (props.management_events == ManagementEvents::none) {
    node().add_problem("the trail records nothing",
                       "give it data events, or ManagementEvents::all");
  }
  properties() =
      Value::object({{"TrailName", std::move(props.trail_name)},
                     {"S3BucketName", std::move(props.s3_bucket)},
                     {"S3KeyPrefix", cdk::text_or_null(props.s3_key_prefix)},
                     {"KMSKeyId", std::move(props.kms_key)},
                     {"CloudWatchLogsLogGroupArn", std::move(props.cloud_watch_logs_log_group_arn)},
                     {"CloudWatchLogsRoleArn", std::move(props.cloud_watch_logs_role_arn)},
                     {"IsLogging", true},
                     {"EnableLogFileValidation", true},
                     {"IsMultiRegionTrail", all_regions},
                     {"IncludeGlobalServiceEvents", all_regions},
                     {"EventSelectors", Value::array({std::move(selector)})}});
}

}  // namespace aphex::cloudtrail
