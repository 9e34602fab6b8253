#pragma once
// CloudTrail: who did what.

#include <string>
#include <vector>

#include "aphex/cfn.hpp"

namespace aphex::cloudtrail {

enum class ManagementEvents { none, all };
enum class Regions { this_one, all };

struct TrailProps {
  Value trail_name = {};
  Value s3_bucket = {};  // the name of the bucket that takes the log files
  std::string s3_key_prefix = {};
  Value kms_key = {};
  Value cloud_watch_logs_log_group_arn = {};
  Value cloud_watch_logs_role_arn = {};
  ManagementEvents management_events = ManagementEvents::all;
  // Reading and writing of objects in these places: bucket.arn_for_objects("").
  std::vector<Value> s3_data_event_arns = {};
  Regions regions = Regions::this_one;
};

// Checks its log files' integrity and logs, always.
class Trail : public CfnResource {
 public:
  Trail(Construct& scope, std::string id, TrailProps props);
  Value arn() const { return get_att("Arn"); }
  std::string_view type_name() const override { return "aphex.cloudtrail.Trail"; }
};

}  // namespace aphex::cloudtrail
