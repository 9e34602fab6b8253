#include "os/cancel.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include <sys/eventfd.h>

#include "os/descriptor.hpp"

namespace aphex::os {

struct CancelToken::State {
  // Without a descriptor (none left in the process) the token still answers cancelled(); waits
  // look at it from time to time then.
  State() : event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  void cancel(const std::string& why);

  Descriptor event;
  std::atomic<bool> cancelled{false};
  std::mutex mutex;
  std::string reason;                          // guarded by mutex
  std::vector<std::weak_ptr<State>> children;  // guarded by mutex
  std::shared_ptr<State> parent;               // set once, before the state is shared
};

CancelToken::State::~State() {
  if (parent == nullptr) return;
  // This state's own entry has expired by now; others that have go with it.
  const std::lock_guard lock(parent->mutex);
  std::erase_if(parent->children,
                [](const std::weak_ptr<State>& child) { return child.expired(); });
}

void CancelToken::State::cancel(const std::string& why) {
  // Strong references, dropped after the mutex: the last one of a child takes this mutex again.
  std::vector<std::shared_ptr<State>> alive;
  {
    const std::lock_guard lock(mutex);
    if (cancelled.load(std::memory_order_relaxed)) return;
    reason = why;
    cancelled.store(true, std::memory_order_release);
    if (event) ::eventfd_write(event.get(), 1);
    for (const auto& child : children) {
      if (auto state = child.lock()) alive.push_back(std::move(state));
    }
  }
  for (const auto& child : alive)
    child->cancel(why);
}

CancelToken::CancelToken() = default;

bool CancelToken::cancelled() const {
  return state_ != nullptr && state_->cancelled.load(std::memory_order_acquire);
}

std::string CancelToken::reason() const {
  if (state_ == nullptr) return {};
  const std::lock_guard lock(state_->mutex);
  return state_->reason;
}

int CancelToken::descriptor() const {
  return state_ == nullptr ? -1 : state_->event.get();
}

CancelSource::CancelSource() : state_(std::make_shared<CancelToken::State>()) {}

CancelSource CancelSource::child_of(const CancelToken& parent) {
  CancelSource child;
  if (parent.state_ == nullptr) return child;
  child.state_->parent = parent.state_;
  std::string reason;
  {
    const std::lock_guard lock(parent.state_->mutex);
    if (!parent.state_->cancelled.load(std::memory_order_relaxed)) {
      parent.state_->children.push_back(child.state_);
      return child;
    }
    reason = parent.state_->reason;
  }
  child.cancel(std::move(reason));
  return child;
}

CancelToken CancelSource::token() const {
  return CancelToken(state_);
}

// By value as the contract has it: a caller may give a temporary, and the children share it.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
void CancelSource::cancel(std::string reason) {
  state_->cancel(reason);
}

}  // namespace aphex::os
