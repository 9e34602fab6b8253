#pragma once
// Credentials that are kept until shortly before they expire; one thread at a time fetches new
// ones.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "aws/credentials.hpp"

namespace aphex::aws {

class RefreshingProvider final : public CredentialsProvider {
 public:
  // Called by one thread at a time.
  using Fetch = std::function<Result<Credentials>(const os::CancelToken&)>;

  RefreshingProvider(std::string source, std::shared_ptr<os::Clock> clock, Fetch fetch)
      : source_(std::move(source)), clock_(std::move(clock)), fetch_(std::move(fetch)) {}

  Result<Credentials> get(const os::CancelToken& cancel) override;
  std::string source() const override { return source_; }

 private:
  bool usable(os::WallTime now) const;
  bool due(os::WallTime now) const;
  Result<Credentials> refresh(std::unique_lock<std::mutex>& lock, const os::CancelToken& cancel);

  const std::string source_;
  const std::shared_ptr<os::Clock> clock_;
  const Fetch fetch_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::optional<Credentials> cached_;
  os::WallTime not_before_{};  // of the next fetch while the cached ones still work
  bool fetching_ = false;
};

}  // namespace aphex::aws
