#include "server/access/stream_guard.hpp"

#include <atomic>

namespace aphex::server {

class StreamGuard::Guarded final : public BodySource {
 public:
  Guarded(std::shared_ptr<BodySource> stream, Credential credential)
      : stream_(std::move(stream)), credential_(std::move(credential)) {}

  Piece next() override {
    if (ended_) return {nullptr, Then::end};
    return stream_->next();
  }

  void when_ready(std::function<void()> ready) override {
    {
      const std::lock_guard lock(mutex_);
      ready_ = ready;
    }
    stream_->when_ready(std::move(ready));
  }

  std::string_view heartbeat() const override { return stream_->heartbeat(); }
  Cost cost() const override { return stream_->cost(); }

  const Credential& credential() const { return credential_; }

  void end() {
    ended_ = true;
    const std::lock_guard lock(mutex_);
    if (ready_) ready_();
  }

 private:
  const std::shared_ptr<BodySource> stream_;
  const Credential credential_;
  std::atomic<bool> ended_ = false;
  std::mutex mutex_;  // guards ready_
  std::function<void()> ready_;
};

StreamGuard::StreamGuard(AccessStore& access, std::chrono::milliseconds turn)
    : access_(access), turn_(turn) {
  thread_ = std::thread([this] { watch(); });
}

StreamGuard::~StreamGuard() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

std::shared_ptr<BodySource> StreamGuard::guard(std::shared_ptr<BodySource> stream,
                                               Credential credential) {
  auto guarded = std::make_shared<Guarded>(std::move(stream), std::move(credential));
  const std::lock_guard lock(mutex_);
  streams_.push_back(guarded);
  return guarded;
}

void StreamGuard::watch() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, turn_, [this] { return stopping_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

void StreamGuard::look() {
  const std::vector<std::shared_ptr<Guarded>> streams = guarded();
  if (streams.empty()) return;
  // Where the database does not answer now, the next turn asks again.
  const Result<Standing> standing = access_.standing();
  if (!standing) return;
  for (const std::shared_ptr<Guarded>& stream : streams) {
    if (!standing->holds(stream->credential())) stream->end();
  }
}

std::vector<std::shared_ptr<StreamGuard::Guarded>> StreamGuard::guarded() {
  std::vector<std::shared_ptr<Guarded>> open;
  const std::lock_guard lock(mutex_);
  std::erase_if(streams_, [&](const std::weak_ptr<Guarded>& each) {
    std::shared_ptr<Guarded> stream = each.lock();
    if (!stream) return true;
    open.push_back(std::move(stream));
    return false;
  });
  return open;
}

}  // namespace aphex::server
