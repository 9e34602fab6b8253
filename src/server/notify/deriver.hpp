#pragma once
// From what has happened to what is told to whom.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/notify/channel_config.hpp"
#include "server/notify/notification_store.hpp"
#include "store/approvals.hpp"

namespace aphex::server::notify {

struct OpenChannel {
  ChannelConfig config;
  std::unique_ptr<Channel> channel;
};

class Deriver {
 public:
  struct Parts {
    NotificationStore& store;
    store::ApprovalStore& approvals;
    const std::vector<OpenChannel>& channels;
    std::map<std::string, std::string> repositories;  // of the configuration's pipelines
    os::Clock& clock;
  };
  explicit Deriver(Parts parts) : parts_(std::move(parts)) {}

  // Takes away what has happened since, in a transaction with what is to be told of it, so that a
  // kill at any moment neither loses nor doubles a notice. How many happenings there were.
  Result<int> turn();

 private:
  struct Derived {
    Event event;
    bool ends = false;  // the branch's run: its outcome changes
  };
  Result<std::optional<Derived>> derive(const Happening& happening);
  Result<std::optional<Derived>> derive_run(const Happening& happening);
  Result<std::optional<Derived>> derive_stage(const Happening& happening);
  Result<std::optional<Derived>> derive_entry(const Happening& happening);
  Result<std::optional<Derived>> derive_approval(const Happening& happening);
  // Nothing where the configuration has no such pipeline any more.
  std::optional<Event> event_about(const Happening& happening, const Subject& subject) const;
  Result<NotificationStore::Conclusion> conclusion_of(const Happening& happening);
  Result<NotificationStore::Conclusion::Line> follow(Event& event);

  Parts parts_;
};

}  // namespace aphex::server::notify
