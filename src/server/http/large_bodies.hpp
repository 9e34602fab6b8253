#pragma once
// How much memory the bodies of requests take together. Who has signed one is known only when all
// of it is there, so whoever reaches the server could fill it. Not thread-safe: of one loop.

#include <cstddef>
#include <functional>
#include <list>

namespace aphex::server {

class LargeBodies {
  struct Body {
    std::size_t bytes;          // 0: it was told to end
    std::function<void()> end;  // empty: it does not give way
  };

 public:
  explicit LargeBodies(std::size_t most_bytes) : most_(most_bytes) {}

  // While it is here, there is a body of so many bytes. Where they do not fit, others that are
  // still being read are told to end, the largest first: whoever states little and sends it keeps
  // its place beside whoever states much and sends nothing.
  class Room {
   public:
    // `end` is called once at most, and not after stay().
    Room(LargeBodies& bodies, std::size_t bytes, std::function<void()> end);
    ~Room();
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;

    // False: what is being answered takes all the room.
    bool fits() const { return bodies_.sum_ <= bodies_.most_; }
    // It has been read, and is going to be answered.
    void stay() { place_->end = nullptr; }

   private:
    bool end_largest();

    LargeBodies& bodies_;
    std::list<Body>::iterator place_;
  };

 private:
  std::size_t most_;
  std::size_t sum_ = 0;
  std::list<Body> list_;
};

}  // namespace aphex::server
