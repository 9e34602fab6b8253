#pragma once
// CloudWatch Logs: one stream, written in batches.
// docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.hpp"

namespace aphex::aws {

// Of one PutLogEvents: the sum of all messages in UTF-8 and 26 bytes for each.
inline constexpr std::size_t kMaxLogBatchBytes = 1'048'576;
inline constexpr std::size_t kLogEventOverheadBytes = 26;
inline constexpr std::size_t kMaxLogBatchEvents = 10'000;
inline constexpr std::chrono::hours kMaxLogBatchSpan{24};
// Of one message. The service takes more since 2025, other partitions do not.
inline constexpr std::size_t kMaxLogEventBytes = (256U << 10U) - kLogEventOverheadBytes;

struct LogEvent {
  os::WallTime time;
  std::string message;  // 1 to kMaxLogEventBytes bytes
};

struct LogStream {
  std::string region;
  std::string group;
  std::string name;      // at most 512 characters, without ':' and '*'
  int max_attempts = 0;  // of each call; 0: the client's default
};
// Without the characters that a stream's name may not have, and cut.
std::string log_stream_name(std::string_view wanted);

// One that exists is fine; not_found where the group does not exist.
Status create_log_stream(const AwsContext& context, const LogStream& stream,
                         const os::CancelToken& cancel);

// How many of `events`, from the first, go into one call.
std::size_t log_batch_size(const std::vector<LogEvent>& events);
// One call: events in the order of their time, within the limits above.
Status put_log_events(const AwsContext& context, const LogStream& stream,
                      const std::vector<LogEvent>& events, const os::CancelToken& cancel);

}  // namespace aphex::aws
