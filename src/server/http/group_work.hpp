#pragma once
// Work that costs the same for one as for many, such as waiting for a disk: what comes while it is
// done waits, and is then done together by the first of those who brought it.

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace aphex::server {

template <typename Job>
class GroupWork {
 public:
  // Returns when a call of some caller's `work` has had `job`. Calls follow one another and have
  // the jobs in the order in which they came; as many as there are callers at once.
  template <typename Work>
  void run(Job& job, const Work& work) {
    std::unique_lock lock(mutex_);
    waiting_.push_back(&job);
    const std::uint64_t mine = ++brought_;
    while (done_ < mine) {
      if (working_) {
        changed_.wait(lock);
        continue;
      }
      const std::vector<Job*> jobs = std::exchange(waiting_, {});
      const Turn turn(*this, lock);
      work(std::span<Job* const>(jobs));
    }
  }

 private:
  // While it lives the lock is open and nobody else works.
  class Turn {
   public:
    Turn(GroupWork& group, std::unique_lock<std::mutex>& lock)
        : group_(group), lock_(lock), upto_(group.brought_) {
      group_.working_ = true;
      lock_.unlock();
    }
    ~Turn() {
      lock_.lock();
      group_.working_ = false;
      group_.done_ = upto_;
      group_.changed_.notify_all();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    GroupWork& group_;
    std::unique_lock<std::mutex>& lock_;
    std::uint64_t upto_;
  };

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Job*> waiting_;
  std::uint64_t brought_ = 0;  // counts jobs
  std::uint64_t done_ = 0;     // all up to this one
  bool working_ = false;
};

}  // namespace aphex::server
