#include "aws/sns.hpp"

#include "aws/query.hpp"
#include "base/text.hpp"

namespace aphex::aws {
namespace {

constexpr std::string_view kVersion = "2010-03-31";
constexpr std::size_t kMaxSubjectCharacters = 100;
constexpr std::size_t kMaxMessageCharacters = 60'000;  // of up to four bytes: 256 KiB is the limit
constexpr std::size_t kArnParts = 6;                   // arn:partition:sns:region:account:name

QueryParameters parameters_of(const Notification& notification) {
  QueryParameters parameters = {
      {"Action", "Publish"},
      {"Version", std::string(kVersion)},
      {"TopicArn", notification.topic_arn},
      {"Subject", notification_subject(notification.subject)},
      {"Message", utf8_substr(notification.message, 0, kMaxMessageCharacters)}};
  if (!notification.group.empty()) parameters.emplace_back("MessageGroupId", notification.group);
  if (!notification.deduplication_id.empty())
    parameters.emplace_back("MessageDeduplicationId", notification.deduplication_id);
  int number = 0;
  for (const auto& [name, value] : notification.attributes) {
    if (value.empty()) continue;  // the service refuses them
    const std::string entry = "MessageAttributes.entry." + std::to_string(++number);
    parameters.emplace_back(entry + ".Name", name);
    parameters.emplace_back(entry + ".Value.DataType", "String");
    parameters.emplace_back(entry + ".Value.StringValue", value);
  }
  return parameters;
}

}  // namespace

bool is_fifo_topic(std::string_view topic_arn) {
  return topic_arn.ends_with(".fifo");
}

std::string notification_subject(std::string_view wanted) {
  std::string subject;
  for (std::size_t i = 0; i < utf8_length(wanted) && subject.size() < kMaxSubjectCharacters; ++i) {
    const std::string character = utf8_substr(wanted, i, 1);
    const bool plain =
        character.size() == 1 && character.front() >= ' ' && character.front() <= '~';
    subject += plain ? character : "?";
  }
  return subject;
}

Status publish(const AwsContext& context, const Notification& notification,
               const os::CancelToken& cancel) {
  const std::vector<std::string> arn = split(notification.topic_arn, ':');
  if (arn.size() != kArnParts || arn[0] != "arn" || arn[2] != "sns" || arn[3].empty()) {
    return fail(ErrorCode::usage, "'" + notification.topic_arn + "' is not the ARN of an SNS topic",
                "it reads arn:aws:sns:<region>:<account>:<name>");
  }
  const QueryCall query{.title = "SNS Publish",
                        .subject = notification.topic_arn,
                        .service = "sns",
                        .region = arn[3],
                        .parameters = parameters_of(notification),
                        .max_attempts = notification.max_attempts};
  APHEX_TRY([[maybe_unused]] const XmlElement answer, call_query(context, query, cancel));
  return {};
}

}  // namespace aphex::aws
