#pragma once
// A bound on time, as a cancellation.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "os/cancel.hpp"

namespace aphex::engine {

// Cancels the source when the time is up, unless it has gone before.
class Deadline {
 public:
  Deadline(os::CancelSource source, std::chrono::milliseconds timeout, std::string reason)
      : thread_([this, source = std::move(source), timeout, reason = std::move(reason)]() mutable {
          std::unique_lock lock(mutex_);
          if (!done_.wait_for(lock, timeout, [this] { return finished_; })) source.cancel(reason);
        }) {}
  ~Deadline() {
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
    }
    done_.notify_one();
    thread_.join();
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool finished_ = false;  // guarded by mutex_
  std::thread thread_;     // last: it uses the others
};

}  // namespace aphex::engine
