#pragma once
// Tells people, in threads of its own: nothing here can hold up a run or an answer.
//
// One thread derives notifications from what happens; one for each channel tells them, in their
// order. A channel that does not answer holds up its own only.

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "server/notify/deriver.hpp"

namespace aphex::server::notify {

// What an operator is to know of a message that did not reach everybody; no secret stands in it.
struct Mishap {
  enum class Kind {
    in_part,   // some have it
    given_up,  // nobody has it, and nobody will
    dropped,   // … because its channel is configured no more
  };
  Kind kind = Kind::given_up;
  std::string channel{};
  std::string type{};       // of the channel; empty where it is not known any more
  std::int64_t number = 0;  // of the notification, the first of several; 0: of several
  std::string event{};      // what it is about, and of which pipeline
  std::string pipeline{};
  std::int64_t messages = 1;  // that went as one
  int attempts = 0;
  std::string error{};
};
using Warn = std::function<void(const Mishap&)>;

// One channel: its pace, its attempts, its summaries.
class Teller {
 public:
  struct Parts {
    NotificationStore& store;
    const OpenChannel& channel;
    os::Clock& clock;
    std::string public_url;
    Warn warn;  // once for each message
  };
  explicit Teller(Parts parts) : parts_(std::move(parts)), random_(std::random_device{}()) {}

  // Tells at most one message; how long there is nothing to do then. An error is one of the
  // database.
  Result<std::chrono::milliseconds> turn(const os::CancelToken& cancel);

 private:
  // What goes as one message: the first that waits, or all where the pace allows not as many.
  std::vector<Notice> batch_of(std::vector<Notice> waiting, std::int64_t room) const;
  Result<Letter> letter_of(const std::vector<Notice>& batch);
  Text words_for(const Event& event, const std::string& link, bool& own) const;
  Status record(const std::vector<Notice>& batch, const Telling& telling);
  Status record_told(const std::vector<Notice>& batch, const Told& told);
  Status record_trouble(const std::vector<Notice>& batch, const NotYet& trouble);
  // With the kind, attempts and error of the mishap; the rest is of the notices.
  Status give_up(const std::vector<Notice>& notices, NoticeState state, Mishap mishap);
  void warn(const std::vector<Notice>& notices, Mishap mishap) const;
  std::chrono::milliseconds backoff(int attempts);
  store::Millis now() const { return parts_.clock.now().time_since_epoch().count(); }

  Parts parts_;
  std::mt19937 random_;
  std::optional<std::chrono::steady_clock::time_point> told_at_;
  // After trouble nothing is told before, also not what came meanwhile.
  std::optional<std::chrono::steady_clock::time_point> not_before_;
};

class Notifier {
 public:
  struct Parts {
    NotificationStore& store;
    store::ApprovalStore& approvals;
    std::vector<OpenChannel> channels;
    std::map<std::string, std::string> repositories;
    os::Clock& clock;
    std::string public_url;
  };
  explicit Notifier(Parts parts) : parts_(std::move(parts)) {}

  // Called by one thread at a time.
  struct Ears {
    std::function<void(const Error&)> complain;  // of the database
    Warn warn;
  };
  // Until `cancel`. What waits then is told by the next.
  void run(const os::CancelToken& cancel, const Ears& ears);

 private:
  void drop_other_channels(const Ears& ears);

  Parts parts_;
};

// Those of the configuration, ready to tell.
std::vector<OpenChannel> open_channels(const std::vector<ChannelConfig>& configs,
                                       const Surroundings& surroundings);

}  // namespace aphex::server::notify
