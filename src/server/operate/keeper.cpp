#include "server/operate/keeper.hpp"

#include "base/text.hpp"
#include "engine/git.hpp"
#include "server/operate/disk_room.hpp"
#include "server/operate/retention.hpp"
#include "server/queue/branch_sweep.hpp"

namespace aphex::server {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTurn{200};
constexpr std::chrono::seconds kLook{2};
constexpr std::chrono::minutes kSweep{10};
constexpr std::chrono::hours kTidy{1};

// Due at once, and then again after each pause.
class Alarm {
 public:
  explicit Alarm(steady_clock::duration pause) : pause_(pause) {}
  bool due(steady_clock::time_point now) {
    if (now < next_) return false;
    next_ = now + pause_;
    return true;
  }

 private:
  steady_clock::duration pause_;
  steady_clock::time_point next_ = steady_clock::time_point::min();
};

}  // namespace

Status Keeper::run(const os::CancelToken& cancel, const std::function<void()>& on_turn) {
  Alarm look{kLook};
  Alarm sweeping{kSweep};
  Alarm tidying{kTidy};
  while (!cancel.cancelled()) {
    on_turn();
    const auto now = parts_.clock.steady();
    if (look.due(now)) {
      APHEX_CHECK(parts_.store.check_place());
      look_at_disk();
    }
    if (sweeping.due(now)) sweep(cancel);
    if (parts_.config.retention && tidying.due(now)) tidy(cancel);
    (void)parts_.clock.sleep(kTurn, cancel);
  }
  return {};
}

void Keeper::look_at_disk() {
  std::optional<std::string> now =
      paused_for_disk(parts_.paths.root, parts_.config.minimum_free_bytes);
  if (now.has_value() != paused_.has_value()) {
    if (now) {
      parts_.log.warning(*now);
    } else {
      parts_.log.info("there is room on the disk again");
    }
  }
  paused_ = std::move(now);
}

void Keeper::sweep(const os::CancelToken& cancel) {
  engine::Git git(parts_.processes, parts_.environment, cancel);
  const auto gone = sweep_branches({parts_.config, parts_.store, git, parts_.clock});
  if (!gone) {
    if (gone.error().code != ErrorCode::cancelled) parts_.log.error(gone.error());
    return;
  }
  for (const std::string& branch : *gone)
    parts_.log.info("a branch is gone: its stacks are torn down", {{"branch", branch}});
}

void Keeper::tidy(const os::CancelToken& cancel) {
  const Result<Removed> removed =
      remove_old(parts_.paths, *parts_.config.retention, parts_.clock, cancel);
  if (!removed) return parts_.log.error(removed.error());
  if (!removed->anything()) return;
  parts_.log.info("removed what was old", {{"runs", removed->runs},
                                           {"entries", removed->entries},
                                           {"deliveries", removed->deliveries},
                                           {"artifacts", removed->artifacts},
                                           {"audit", removed->audit}});
}

}  // namespace aphex::server
