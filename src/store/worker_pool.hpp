#pragma once
// A fixed number of threads that take tasks in order. The queue has no bound of its own: those who
// submit bound what they keep in flight.

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace aphex::store {

class WorkerPool {
 public:
  // Archives gain nothing from more: the disk and the one thread that keeps the order are the
  // bound by then, and each thread holds buffers of some MiB.
  static constexpr unsigned kMaxThreads = 32;

  // 0: as many as processors.
  explicit WorkerPool(unsigned threads);
  // Drops what has not begun, waits for what has.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  unsigned size() const { return static_cast<unsigned>(threads_.size()); }

  // The task learns which worker runs it (0 … size()-1), to use that worker's own buffers.
  template <typename Task>
  auto submit(Task task) -> std::future<decltype(task(0U))> {
    auto packaged =
        std::make_shared<std::packaged_task<decltype(task(0U))(unsigned)>>(std::move(task));
    auto future = packaged->get_future();
    enqueue([packaged](unsigned worker) { (*packaged)(worker); });
    return future;
  }

 private:
  using Job = std::function<void(unsigned)>;
  void enqueue(Job job);
  void work(unsigned worker);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace aphex::store
