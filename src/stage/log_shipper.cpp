#include "stage/log_shipper.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::stage {
namespace {

// What a build writes within some minutes; a pod's memory must hold it beside the build.
constexpr std::size_t kMaxQueuedLines = 50'000;
constexpr std::size_t kMaxQueuedBytes = 16U << 20U;
// Lines come to the console within seconds, and a quiet stage costs few calls.
constexpr std::chrono::milliseconds kGather{2'000};
// After a failure: the service is asked again, seldom.
constexpr std::chrono::milliseconds kPauseAfterFailure{5'000};
// Of one call; the shipper itself tries again later.
constexpr int kAttempts = 2;

// Cut at a character: half of one is no text.
std::string bounded(std::string_view line) {
  if (line.size() <= aws::kMaxLogEventBytes) return std::string(line);
  constexpr std::string_view kMark = "…";
  std::size_t end = aws::kMaxLogEventBytes - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U)
    --end;
  return std::string(line.substr(0, end)) + std::string(kMark);
}

}  // namespace

LogShipper::LogShipper(Parts parts) : parts_(std::move(parts)) {
  parts_.stream.max_attempts = kAttempts;
  thread_ = std::thread([this] { work(); });
}

LogShipper::~LogShipper() {
  close(std::chrono::milliseconds(0));
}

void LogShipper::push(std::string_view line) {
  if (trim(line).empty()) return;
  aws::LogEvent event{parts_.aws.clock->now(), bounded(line)};
  const std::lock_guard lock(mutex_);
  if (closing_ || queue_.size() >= kMaxQueuedLines ||
      queued_bytes_ + event.message.size() > kMaxQueuedBytes) {
    ++dropped_;
    ++dropped_unsaid_;
    return;
  }
  // A clock that was set back must not put the batch out of order.
  if (!queue_.empty()) event.time = std::max(event.time, queue_.back().time);
  queued_bytes_ += event.message.size();
  queue_.push_back(std::move(event));
  changed_.notify_one();
}

void LogShipper::close(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, patience, [this] { return finished_; });
    if (!finished_) give_up_.cancel("the stage ends");
  }
  if (thread_.joinable()) thread_.join();
}

std::size_t LogShipper::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

// Waits until there is something, and a moment for what follows it.
std::vector<aws::LogEvent> LogShipper::take_batch(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
  changed_.wait_for(lock, kGather, [this] {
    return closing_ || queue_.size() >= aws::kMaxLogBatchEvents ||
           queued_bytes_ >= aws::kMaxLogBatchBytes;
  });
  note_dropped();
  std::vector<aws::LogEvent> batch(
      queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(
                                           std::min(queue_.size(), aws::kMaxLogBatchEvents)));
  batch.resize(aws::log_batch_size(batch));
  return batch;
}

void LogShipper::note_dropped() {
  if (dropped_unsaid_ == 0 || queue_.size() >= kMaxQueuedLines) return;
  const std::string line = fmt::format(R"({{"event":"dropped","lines":{}}})", dropped_unsaid_);
  const os::WallTime time = queue_.empty() ? parts_.aws.clock->now() : queue_.back().time;
  queue_.push_back({time, line});
  queued_bytes_ += line.size();
  dropped_unsaid_ = 0;
}

void LogShipper::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    const std::vector<aws::LogEvent> batch = take_batch(lock);
    if (batch.empty() && closing_) break;
    if (batch.empty()) continue;
    lock.unlock();
    const Status sent = send(batch);
    const bool again = !sent && sent.error().retry == Retry::retryable;
    report(sent);
    if (!sent && !give_up_.token().cancelled()) {
      (void)parts_.aws.clock->sleep(again ? kPauseAfterFailure : kGather, give_up_.token());
    }
    lock.lock();
    if (give_up_.token().cancelled()) break;
    if (again) continue;
    // Sent, or refused for good: what it holds will never be taken.
    if (!sent) dropped_ += batch.size();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      queued_bytes_ -= queue_.front().message.size();
      queue_.pop_front();
    }
  }
  dropped_ += queue_.size();
  finished_ = true;
  changed_.notify_all();
}

Status LogShipper::send(const std::vector<aws::LogEvent>& batch) {
  const os::CancelToken token = give_up_.token();
  if (!stream_exists_) {
    APHEX_CHECK(aws::create_log_stream(parts_.aws, parts_.stream, token));
    stream_exists_ = true;
  }
  return aws::put_log_events(parts_.aws, parts_.stream, batch, token);
}

void LogShipper::report(const Status& sent) {
  if (sent && in_trouble_) parts_.on_trouble("log lines go to CloudWatch Logs again");
  if (!sent && !in_trouble_ && sent.error().code != ErrorCode::cancelled) {
    parts_.on_trouble("log lines do not go to CloudWatch Logs: " + describe(sent.error()));
  }
  in_trouble_ = !sent;
}

}  // namespace aphex::stage
