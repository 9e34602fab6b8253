#pragma once
// SNS: one notification.
// docs.aws.amazon.com/sns/latest/api/API_Publish.html

#include <string>
#include <string_view>

#include "aws/credentials.hpp"

namespace aphex::aws {

struct Notification {
  std::string topic_arn;  // its region is where the call goes
  std::string subject;    // ASCII, one line, at most 100 characters: see notification_subject()
  std::string message;    // at most 256 KiB
};

// As the service takes it: other characters become '?', and the end is cut.
std::string notification_subject(std::string_view wanted);

Status publish(const AwsContext& context, const Notification& notification,
               const os::CancelToken& cancel);

}  // namespace aphex::aws
