#pragma once
// CloudWatch Logs.

#include <optional>
#include <string>

#include "aphex/cfn.hpp"

namespace aphex::logs {

struct LogGroupProps {
  Value log_group_name = {};
  // One of those that CloudWatch Logs takes: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400,
  // 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653. Nothing: kept for ever.
  std::optional<int> retention_days = 731;
  Value kms_key_arn = {};
  RemovalPolicy removal_policy = RemovalPolicy::retain;
};

class LogGroup : public CfnResource {
 public:
  LogGroup(Construct& scope, std::string id, LogGroupProps props = {});
  Value name() const { return ref(); }
  // Ends with ":*".
  Value arn() const { return get_att("Arn"); }
  std::string_view type_name() const override { return "aphex.logs.LogGroup"; }
};

}  // namespace aphex::logs
