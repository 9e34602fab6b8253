#include "engine/deploy_schedule.hpp"

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace aphex::engine {
namespace {

// What the workers share. Every member function locks.
class Board {
 public:
  explicit Board(const Schedule& schedule)
      : schedule_(schedule),
        states_(schedule.needs.size(), TaskState::not_started),
        started_(schedule.needs.size(), Started::no) {}

  // The next task that may start; waits while one may become ready; nothing at the end.
  std::optional<std::size_t> next() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (stopped_ || schedule_.cancel.cancelled()) return std::nullopt;
      if (const auto ready = first_ready()) {
        started_[*ready] = Started::yes;
        ++running_;
        return ready;
      }
      if (running_ == 0) return std::nullopt;
      changed_.wait(lock);
    }
  }

  void finish(std::size_t task, TaskState state) {
    {
      const std::lock_guard lock(mutex_);
      states_[task] = state;
      --running_;
      if (state == TaskState::failed) stopped_ = true;
    }
    changed_.notify_all();
  }

  std::vector<TaskState> take() {
    const std::lock_guard lock(mutex_);
    return std::move(states_);
  }

 private:
  enum class Started : char { no, yes };

  std::optional<std::size_t> first_ready() const {
    for (std::size_t task : schedule_.order) {
      if (started_[task] == Started::yes) continue;
      const std::vector<std::size_t>& needs = schedule_.needs[task];
      const bool ready = std::all_of(needs.begin(), needs.end(), [&](std::size_t need) {
        return states_[need] == TaskState::done;
      });
      if (ready) return task;
    }
    return std::nullopt;
  }

  const Schedule& schedule_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TaskState> states_;  // guarded by mutex_, as all below
  std::vector<Started> started_;
  std::size_t running_ = 0;
  bool stopped_ = false;
};

void work(Board& board, const std::function<Status(std::size_t)>& task) {
  while (const std::optional<std::size_t> next = board.next()) {
    board.finish(*next, task(*next) ? TaskState::done : TaskState::failed);
  }
}

}  // namespace

std::vector<TaskState> run_schedule(const Schedule& schedule,
                                    const std::function<Status(std::size_t)>& task) {
  assert(schedule.order.size() == schedule.needs.size());
  Board board(schedule);
  const std::size_t workers =
      std::min(std::max<std::size_t>(schedule.max_parallel, 1), schedule.needs.size());
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < workers; ++i) {
    threads.emplace_back([&] { work(board, task); });
  }
  threads.clear();  // joins
  return board.take();
}

}  // namespace aphex::engine
