#include "aws/refreshing.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;

// The contract of CredentialsProvider::get.
constexpr milliseconds kRefreshBefore{std::chrono::minutes(5)};
// Below this, credentials may expire on their way to the service.
constexpr milliseconds kLeastLife{std::chrono::seconds(30)};
// Between two fetches while the old ones still work: a source that only has short-lived ones
// (instance metadata near a rotation) or that fails is not asked with every request.
constexpr milliseconds kPause{std::chrono::seconds(30)};
// How often a thread that waits for another's fetch looks at its own cancellation.
constexpr milliseconds kCancelPoll{50};

}  // namespace

bool RefreshingProvider::usable(os::WallTime now) const {
  if (!cached_) return false;
  return !cached_->expires_at || *cached_->expires_at - now > kLeastLife;
}

bool RefreshingProvider::due(os::WallTime now) const {
  if (!cached_) return true;
  if (!cached_->expires_at) return false;
  return *cached_->expires_at - now <= kRefreshBefore && now >= not_before_;
}

Result<Credentials> RefreshingProvider::get(const os::CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  while (true) {
    const os::WallTime now = clock_->now();
    if (usable(now) && (!due(now) || fetching_)) return *cached_;
    if (!fetching_) return refresh(lock, cancel);
    if (cancel.cancelled()) {
      return fail(ErrorCode::cancelled,
                  "waiting for credentials of " + source_ + " was cancelled: " + cancel.reason());
    }
    changed_.wait_for(lock, kCancelPoll);
  }
}

Result<Credentials> RefreshingProvider::refresh(std::unique_lock<std::mutex>& lock,
                                                const os::CancelToken& cancel) {
  fetching_ = true;
  lock.unlock();
  auto fetched = fetch_(cancel);
  lock.lock();
  fetching_ = false;
  changed_.notify_all();
  const os::WallTime now = clock_->now();
  not_before_ = now + kPause;
  if (fetched) {
    cached_ = std::move(*fetched);
    return *cached_;
  }
  if (usable(now) && fetched.error().code != ErrorCode::cancelled) return *cached_;
  return fetched;
}

}  // namespace aphex::aws
