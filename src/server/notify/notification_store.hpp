#pragma once
// What has happened, and what is to be told to whom, in the state directory's database
// (migration 0006). Thread-safe.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.hpp"
#include "server/notify/event.hpp"
#include "store/database.hpp"

namespace aphex::server::notify {

// A change of state that a transaction has left word of.
struct Happening {
  std::int64_t number = 0;
  std::string subject;  // run, stage, entry, approval
  std::int64_t id = 0;
  std::string name;
  std::string state;
  store::Millis at = 0;
  std::string error;
  std::string hint;
};

// What a run or an entry of the queue is about.
struct Subject {
  std::int64_t entry = 0;
  std::string pipeline, branch, commit, author, message;
  std::string kind;  // of the entry: push, pull_request, …
  std::string note;
  std::optional<std::int64_t> pull_request;
  std::optional<std::int64_t> exit_code;
  std::optional<std::int64_t> run;
  bool handed_to = false;  // the run goes on with one that handed over to it
  std::string run_state;
  bool executes = false;  // an entry that executes the run is open
  std::optional<store::Millis> run_started_at, run_ended_at, entry_started_at;
};

// How a branch of a pipeline stands.
struct Outcome {
  std::int64_t failures = 0;  // in a row
  std::string episode;        // the event of the first of them
  store::Millis since = 0;
  std::int64_t last_run = 0;  // that has ended, and when
  store::Millis last_at = 0;
};

enum class NoticeState {
  waiting,
  told,
  folded,    // told as one line of another
  obsolete,  // a newer one of the same target stands
  expired,   // too old to be news when its turn came
  dead,      // given up; last_error says why
};
std::string_view to_string(NoticeState state);

// A notification on its way to one channel.
struct Notice {
  std::int64_t number = 0;
  std::string channel;
  std::string target;
  Event event;
  NoticeState state = NoticeState::waiting;
  int attempts = 0;
  bool unsure = false;  // an attempt has begun whose end is not known: it may have been told
  store::Millis created_at = 0;
  store::Millis next_at = 0;
  std::optional<store::Millis> ended_at;
  std::string last_error;
  std::string remote_id;
  std::optional<std::int64_t> folded_into;  // while it waits: goes, or has gone, as part of it
};

struct NewNotice {
  std::string channel;
  std::string target;
  Event event;
};

class NotificationStore {
 public:
  static Result<std::unique_ptr<NotificationStore>> open(const std::filesystem::path& database,
                                                         std::shared_ptr<os::Clock> clock);

  // The oldest, as far as `conclude` has not taken them away.
  Result<std::vector<Happening>> happenings(int limit);
  Result<std::optional<Subject>> subject_of_run(std::int64_t run);
  Result<std::optional<Subject>> subject_of_entry(std::int64_t entry);
  Result<Outcome> outcome(const std::string& pipeline, const std::string& line);

  // All or nothing: the happenings are gone, their notices wait, the branches' outcomes are kept.
  // Notices of the same channel and target that wait still are obsolete.
  struct Conclusion {
    std::int64_t happening = 0;
    std::vector<NewNotice> notices;
    struct Line {
      std::string pipeline, line;
      Outcome outcome;
    };
    std::optional<Line> outcome;
  };
  Status conclude(const std::vector<Conclusion>& conclusions);

  // Of a channel, oldest first.
  Result<std::vector<Notice>> waiting(const std::string& channel, int limit);
  Result<std::int64_t> count_told(const std::string& channel, store::Millis since,
                                  store::Millis until);
  // The newest notice of the target that was told before this one.
  Result<std::optional<Notice>> told_before(const Notice& notice);

  // An attempt begins, of the first with the others as part of it: from now on it is not known
  // whether they were told. False where one of them does not wait any more.
  Result<bool> begin(const std::vector<std::int64_t>& notices);
  // The first was told, the others as part of it.
  struct Reached {
    std::string remote_id{};
    std::string short_of{};  // whom it did not reach, and why
  };
  Status told(const std::vector<std::int64_t>& notices, const Reached& reached);
  struct Trouble {
    std::string error;
    bool sure = true;  // that nothing was told
    store::Millis next_at = 0;
  };
  Status put_off(const std::vector<std::int64_t>& notices, const Trouble& trouble);
  Status give_up(std::int64_t notice, NoticeState state, const std::string& why);

  // Newest first; those with a smaller number than `before`.
  Result<std::vector<Notice>> notices(int limit,
                                      const std::optional<std::int64_t>& before = std::nullopt);
  struct Count {
    std::string channel, state;
    std::int64_t count = 0;
  };
  Result<std::vector<Count>> counts();
  static constexpr std::string_view kNoSuchChannel =
      "the server's configuration has no such channel any more";
  // Gives up those of channels that the configuration has no more; how many of which.
  Result<std::vector<Count>> drop_other_channels(const std::vector<std::string>& channels);

 private:
  NotificationStore(store::Database database, std::shared_ptr<os::Clock> clock)
      : database_(std::move(database)), clock_(std::move(clock)) {}
  Result<std::vector<Notice>> read_notices(store::Statement& query);
  Status insert(const NewNotice& notice);
  Status write(const Conclusion& conclusion);
  store::Millis now() const { return clock_->now().time_since_epoch().count(); }

  std::mutex mutex_;  // guards database_
  store::Database database_;
  std::shared_ptr<os::Clock> clock_;
};

}  // namespace aphex::server::notify
