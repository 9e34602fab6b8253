#pragma once
// Log lines on their way to CloudWatch Logs, in batches and in order, by a thread of its own. The
// stage never waits for the service: where it is slow or down, lines beyond the queue's bound are
// counted and dropped, and what was dropped is said in the stream as soon as it takes lines again.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "aws/cloudwatch_logs.hpp"

namespace aphex::stage {

class LogShipper {
 public:
  struct Parts {
    aws::AwsContext aws;
    aws::LogStream stream;
    // Told, from the shipper's thread, when lines cannot be shipped and when that begins again.
    std::function<void(std::string_view)> on_trouble;
  };
  explicit LogShipper(Parts parts);
  // As close(), and drops the rest.
  ~LogShipper();
  LogShipper(const LogShipper&) = delete;
  LogShipper& operator=(const LogShipper&) = delete;

  // Never blocks. Thread-safe. An empty line is left out: the service takes none.
  void push(std::string_view line);
  // Sends what is queued, but for no longer than `patience`. Nothing can be pushed afterwards.
  void close(std::chrono::milliseconds patience);

  std::size_t dropped() const;

 private:
  void work();
  std::vector<aws::LogEvent> take_batch(std::unique_lock<std::mutex>& lock);
  Status send(const std::vector<aws::LogEvent>& batch);
  void report(const Status& sent);
  void note_dropped();

  Parts parts_;
  os::CancelSource give_up_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<aws::LogEvent> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t dropped_ = 0;
  std::size_t dropped_unsaid_ = 0;
  bool closing_ = false;
  bool finished_ = false;
  // Of the thread.
  bool stream_exists_ = false;
  bool in_trouble_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace aphex::stage
