#pragma once
// Streams last as long as what let their readers in: who is revoked, has expired or has logged out
// reads nothing more, also of what was opened before. Thread-safe.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/access/access_store.hpp"
#include "server/http/body_source.hpp"

namespace aphex::server {

class StreamGuard {
 public:
  // Looks that often, where there are streams: another process may have revoked a token.
  explicit StreamGuard(AccessStore& access,
                       std::chrono::milliseconds turn = std::chrono::seconds(1));
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

  // The same stream, which ends with the credential.
  std::shared_ptr<BodySource> guard(std::shared_ptr<BodySource> stream, Credential credential);

 private:
  class Guarded;
  void watch();
  void look();
  std::vector<std::shared_ptr<Guarded>> guarded();

  AccessStore& access_;
  const std::chrono::milliseconds turn_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::weak_ptr<Guarded>> streams_;
  bool stopping_ = false;
  std::condition_variable stop_;
  std::thread thread_;
};

}  // namespace aphex::server
