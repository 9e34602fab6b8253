#include "aphex/logs.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace aphex::logs {
namespace {

// RetentionInDays of PutRetentionPolicy in the API reference of CloudWatch Logs.
constexpr std::array<int, 22> kRetentions{1,    3,    5,    7,    14,   30,  60,  90,
                                          120,  150,  180,  365,  400,  545, 731, 1096,
                                          1827, 2192, 2557, 2922, 3288, 3653};

}  // namespace

LogGroup::LogGroup(Construct& scope, std::string id, LogGroupProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::Logs::LogGroup", .properties = {}}) {
  Value retention;
  if (props.retention_days) {
    const int days = *props.retention_days;
    retention = days;
    if (std::find(kRetentions.begin(), kRetentions.end(), days) == kRetentions.end()) {
      const auto* next = std::upper_bound(kRetentions.begin(), kRetentions.end(), days);
      node().add_problem(fmt::format("CloudWatch Logs keeps nothing for exactly {} days", days),
                         next == kRetentions.end()
                             ? "at most 3653 days, or for ever without a number"
                             : fmt::format("the next that it takes is {}", *next));
    }
  }
  properties() = Value::object({{"LogGroupName", std::move(props.log_group_name)},
                                {"RetentionInDays", std::move(retention)},
                                {"KmsKeyId", std::move(props.kms_key_arn)}});
  apply_removal_policy(props.removal_policy);
}

}  // namespace aphex::logs
