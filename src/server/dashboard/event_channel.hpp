#pragma once
// Server-sent events (html.spec.whatwg.org, "Server-sent events") that many streams get.
//
// A channel keeps the latest of what it published, once for all of its streams; each stream has
// only a place in it. So a slow reader costs no memory: when what it wants is gone, it is told what
// it has missed and goes on with what is there.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "server/http/body_source.hpp"
#include "server/http/http_server.hpp"

namespace aphex::server {

// One event's text. `data` may have several lines.
std::string event_text(std::string_view name, std::string_view data, std::string_view id = {});

// A stream of events as an answer.
HttpResponse event_answer(std::shared_ptr<BodySource> source);

class EventChannel : public std::enable_shared_from_this<EventChannel> {
 public:
  // What of the past is kept.
  explicit EventChannel(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // Places are counted by whoever publishes: lines of a log, changes of a page. `text` has those
  // from `first` up to `next`, without it; what lies between `next` of the one before and `first`
  // was left out.
  struct Places {
    std::uint64_t first = 0;
    std::uint64_t next = 0;
  };
  void publish(Places places, std::string text);
  // Streams end behind it.
  void finish(std::string text);

  // A stream that begins at `place`; it outlives the channel's owner.
  std::shared_ptr<BodySource> subscribe(std::uint64_t place);
  std::size_t subscribers() const;

 private:
  class Subscriber;
  struct Entry {
    Places places;
    std::shared_ptr<const std::string> text;
  };
  void wake_all();  // within mutex_

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;  // guards all below, and each subscriber's `ready`
  std::deque<Entry> entries_;
  std::uint64_t dropped_ = 0;  // entries that were before entries_.front()
  std::size_t bytes_ = 0;
  bool finished_ = false;
  std::shared_ptr<const std::string> last_words_;
  std::set<Subscriber*> subscribers_;
};

}  // namespace aphex::server
