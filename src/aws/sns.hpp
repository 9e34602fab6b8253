#pragma once
// SNS: one notification.
// docs.aws.amazon.com/sns/latest/api/API_Publish.html

#include <map>
#include <string>
#include <string_view>

#include "aws/credentials.hpp"

namespace aphex::aws {

struct Notification {
  std::string topic_arn;  // its region is where the call goes
  std::string subject;    // ASCII, one line, at most 100 characters: see notification_subject()
  std::string message;    // at most 256 KiB
  // Of a FIFO topic: what is told in order, and what tells two calls of the same message apart from
  // two messages (for five minutes). At most 128 characters each; the empty ones are not sent.
  std::string group{};
  std::string deduplication_id{};
  std::map<std::string, std::string> attributes{};  // for filters of subscriptions
  int max_attempts = 0;                             // see ServiceCall
};

// The topic's name ends in .fifo: it wants a group and a deduplication id.
bool is_fifo_topic(std::string_view topic_arn);

// As the service takes it: other characters become '?', and the end is cut.
std::string notification_subject(std::string_view wanted);

Status publish(const AwsContext& context, const Notification& notification,
               const os::CancelToken& cancel);

}  // namespace aphex::aws
