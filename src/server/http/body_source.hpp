#pragma once
// The body of an answer that comes in pieces: a download, a log that is followed, events. The
// server asks for the next piece when the one before is on its way, so that a slow reader costs no
// memory here, and no stream has a thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace aphex::server {

class BodySource {
 public:
  virtual ~BodySource() = default;

  enum class Then {
    more,  // ask again
    wait,  // there is nothing more before `ready` is called
    end,
  };
  struct Piece {
    std::shared_ptr<const std::string> bytes;  // many streams may share them; null: none
    Then then = Then::more;
  };
  // By one thread at a time.
  virtual Piece next() = 0;

  // Called once, before the first next(). `ready` may be called by any thread, as long as this
  // lives: there may be something again.
  virtual void when_ready(std::function<void()> ready) { (void)ready; }

  // Sent when there was nothing else for a while, so that proxies do not end the connection.
  virtual std::string_view heartbeat() const { return {}; }

  // Whether next() waits for a disk: it is then called on a thread of the pool, else on the loop.
  enum class Cost { memory, disk };
  virtual Cost cost() const { return Cost::memory; }
};

}  // namespace aphex::server
