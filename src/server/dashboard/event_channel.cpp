#include "server/dashboard/event_channel.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::server {
namespace {

// How long a browser waits before it comes again.
constexpr std::string_view kGreeting = "retry: 2000\n\n";

}  // namespace

std::string event_text(std::string_view name, std::string_view data, std::string_view id) {
  std::string text;
  if (!id.empty()) text += fmt::format("id: {}\n", id);
  text += fmt::format("event: {}\n", name);
  for (const std::string& line : split(data, '\n'))
    text += "data: " + line + "\n";
  return text + "\n";
}

HttpResponse event_answer(std::shared_ptr<BodySource> source) {
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  // nginx holds answers back otherwise.
  response.headers.emplace_back("X-Accel-Buffering", "no");
  response.source = std::move(source);
  return response;
}

class EventChannel::Subscriber final : public BodySource {
 public:
  Subscriber(std::shared_ptr<EventChannel> channel, std::uint64_t place)
      : channel_(std::move(channel)), place_(place) {}

  ~Subscriber() override {
    const std::lock_guard lock(channel_->mutex_);
    channel_->subscribers_.erase(this);
  }

  void when_ready(std::function<void()> ready) override {
    const std::lock_guard lock(channel_->mutex_);
    ready_ = std::move(ready);
  }

  std::string_view heartbeat() const override { return ": still here\n\n"; }

  Piece next() override {
    if (!greeted_) {
      greeted_ = true;
      return {std::make_shared<const std::string>(kGreeting), Then::more};
    }
    const std::lock_guard lock(channel_->mutex_);
    // Entries that came before what this one wants, and those that are gone.
    std::uint64_t index = std::max(entry_, channel_->dropped_) - channel_->dropped_;
    while (index < channel_->entries_.size() && channel_->entries_[index].places.next <= place_)
      ++index;
    entry_ = channel_->dropped_ + index;
    if (index < channel_->entries_.size()) {
      const Entry& entry = channel_->entries_[index];
      if (entry.places.first > place_) {
        const std::string missed =
            event_text("gap", fmt::format("{} {}", place_, entry.places.first));
        place_ = entry.places.first;
        return {std::make_shared<const std::string>(missed), Then::more};
      }
      place_ = entry.places.next;
      ++entry_;
      return {entry.text, Then::more};
    }
    if (channel_->finished_) return {channel_->last_words_, Then::end};
    return {nullptr, Then::wait};
  }

  void wake() const {
    if (ready_) ready_();
  }

 private:
  std::shared_ptr<EventChannel> channel_;
  std::function<void()> ready_;
  std::uint64_t place_;      // what it has not seen yet
  std::uint64_t entry_ = 0;  // the same, counted in entries
  bool greeted_ = false;
};

void EventChannel::publish(Places places, std::string text) {
  const std::lock_guard lock(mutex_);
  bytes_ += text.size();
  entries_.push_back({places, std::make_shared<const std::string>(std::move(text))});
  while (bytes_ > most_bytes_ && entries_.size() > 1) {
    bytes_ -= entries_.front().text->size();
    entries_.pop_front();
    ++dropped_;
  }
  wake_all();
}

void EventChannel::finish(std::string text) {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  last_words_ = std::make_shared<const std::string>(std::move(text));
  wake_all();
}

void EventChannel::wake_all() {
  for (const Subscriber* subscriber : subscribers_)
    subscriber->wake();
}

std::shared_ptr<BodySource> EventChannel::subscribe(std::uint64_t place) {
  auto subscriber = std::make_shared<Subscriber>(shared_from_this(), place);
  const std::lock_guard lock(mutex_);
  subscribers_.insert(subscriber.get());
  return subscriber;
}

std::size_t EventChannel::subscribers() const {
  const std::lock_guard lock(mutex_);
  return subscribers_.size();
}

}  // namespace aphex::server
