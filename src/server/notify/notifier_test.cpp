#include "server/notify/notifier.hpp"

#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::server::notify {
namespace {

using std::chrono::milliseconds;

Error unreachable() {
  return fail(ErrorCode::unavailable, "nobody answers").value();
}

// Says what it was told, and answers as it is bidden.
class Listener final : public Channel {
 public:
  explicit Listener(std::vector<Letter>& letters, std::vector<Telling>& answers)
      : letters_(letters), answers_(answers) {}
  Telling tell(const Letter& letter, const os::CancelToken&) override {
    letters_.push_back(letter);
    if (answers_.empty()) return Told{.remote_id = "7"};
    Telling answer = answers_.front();
    answers_.erase(answers_.begin());
    return answer;
  }
  Result<std::string> test(const os::CancelToken&) override { return std::string("well"); }
  std::string target(const Event& event) const override {
    return mirrors ? event.commit : std::string();
  }
  bool mirrors = false;

 private:
  std::vector<Letter>& letters_;
  std::vector<Telling>& answers_;
};

const ChannelType kType{.name = "listener", .fields = {}, .read = nullptr, .escape = as_it_is};

class Notifications : public testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TemporaryDirectory::create(testing::TempDir(), "notify");
    ASSERT_TRUE(made);
    directory_.emplace(std::move(*made));
    reopen();
    channel_.config.name = "team";
    channel_.config.type = &kType;
    channel_.config.on = {Topic::failure};
    auto listener = std::make_unique<Listener>(letters_, answers_);
    listener_ = listener.get();
    channel_.channel = std::move(listener);
  }

  void reopen() {
    auto store = NotificationStore::open(directory_->path() / "aphex.db", clock_);
    ASSERT_TRUE(store) << describe(store.error());
    store_ = std::move(*store);
    teller_.emplace(Teller::Parts{*store_, channel_, *clock_, "https://aphex.example.com",
                                  [this](const Mishap& each) { mishaps_.push_back(each); }});
  }

  void happen(const std::string& key, EventKind kind = EventKind::failure) {
    Event event;
    event.key = key;
    event.kind = kind;
    event.at = clock_->now().time_since_epoch().count();
    event.pipeline = "app";
    event.branch = "main";
    event.commit = "c0ffee";
    NotificationStore::Conclusion conclusion;
    conclusion.notices.push_back({"team", listener_->target(event), event});
    const Status done = store_->conclude({conclusion});
    ASSERT_TRUE(done) << describe(done.error());
  }

  // Turns for so long.
  void pass(milliseconds time) {
    const os::WallTime end = clock_->now() + time;
    while (clock_->now() < end) {
      const auto idle = teller_->turn(os::CancelToken());
      ASSERT_TRUE(idle) << describe(idle.error());
      (void)clock_->sleep(std::max(*idle, milliseconds(1)), os::CancelToken());
    }
  }

  Notice only() {
    const auto notices = store_->notices(10);
    EXPECT_TRUE(notices && notices->size() == 1);
    return notices && !notices->empty() ? notices->front() : Notice{};
  }

  std::optional<os::TemporaryDirectory> directory_;
  std::shared_ptr<os::FakeClock> clock_ =
      std::make_shared<os::FakeClock>(os::WallTime(milliseconds(1'800'000'000'000)));
  std::unique_ptr<NotificationStore> store_;
  OpenChannel channel_;
  Listener* listener_ = nullptr;
  std::vector<Letter> letters_;
  std::vector<Telling> answers_;
  std::vector<Mishap> mishaps_;
  std::optional<Teller> teller_;
};

TEST_F(Notifications, AnEventIsToldOnceHoweverOftenItIsConcluded) {
  happen("run/1/failed/1");
  happen("run/1/failed/1");
  pass(milliseconds(5'000));
  ASSERT_EQ(letters_.size(), 1U);
  EXPECT_EQ(letters_[0].text.title, "app failed on main");
  EXPECT_EQ(only().state, NoticeState::told);
  EXPECT_EQ(only().remote_id, "7");
}

TEST_F(Notifications, AttemptsComeLaterAndLaterAndEnd) {
  channel_.config.attempts = 5;
  answers_.assign(5, NotYet{.error = unreachable()});
  happen("a");
  std::vector<os::WallTime> times;
  for (int i = 0; i < 5; ++i) {
    const std::size_t before = letters_.size();
    while (letters_.size() == before)
      pass(milliseconds(10));
    times.push_back(clock_->now());
  }
  for (std::size_t i = 1; i < times.size(); ++i) {
    const auto pause = times[i] - times[i - 1];
    EXPECT_GE(pause, milliseconds(500 << (i - 1))) << i;
    EXPECT_LE(pause, milliseconds(1'000 << (i - 1)) + milliseconds(600)) << i;
  }
  pass(milliseconds(60'000));
  EXPECT_EQ(letters_.size(), 5U);
  EXPECT_EQ(only().state, NoticeState::dead);
  EXPECT_EQ(only().last_error, "given up after 5 attempts: nobody answers");
  ASSERT_EQ(mishaps_.size(), 1U);
  const Mishap& mishap = mishaps_.front();
  EXPECT_EQ(mishap.kind, Mishap::Kind::given_up);
  EXPECT_EQ(mishap.channel + " " + mishap.type, "team listener");
  EXPECT_EQ(mishap.event + " of " + mishap.pipeline, "failure of app");
  EXPECT_EQ(mishap.number, only().number);
  EXPECT_EQ(mishap.attempts, 5);
  EXPECT_EQ(mishap.error, only().last_error);
}

TEST_F(Notifications, WhoIsNotReachedIsKeptAndSaidOnceForAMessage) {
  channel_.config.per_minute = 1;
  answers_ = {Told{.short_of = "not gone@example.com"}};
  happen("a");
  happen("b");
  pass(milliseconds(5'000));
  const auto notices = store_->notices(10);
  ASSERT_TRUE(notices && notices->size() == 2);
  for (const Notice& notice : *notices)
    EXPECT_EQ(notice.last_error, "not gone@example.com");
  EXPECT_EQ(notices->back().state, NoticeState::told);
  ASSERT_EQ(mishaps_.size(), 1U);
  EXPECT_EQ(mishaps_[0].kind, Mishap::Kind::in_part);
  EXPECT_EQ(mishaps_[0].messages, 2);
  EXPECT_EQ(mishaps_[0].attempts, 1);
}

TEST_F(Notifications, AMessageThatNobodyCanBeToldIsSaidAtOnce) {
  answers_ = {Never{unreachable()}};
  happen("a");
  pass(milliseconds(1'000));
  EXPECT_EQ(only().state, NoticeState::dead);
  ASSERT_EQ(mishaps_.size(), 1U);
  EXPECT_EQ(mishaps_[0].attempts, 1);
  EXPECT_EQ(mishaps_[0].error, "nobody answers");
}

TEST_F(Notifications, TheOtherSideSaysHowLongToWait) {
  answers_ = {NotYet{.error = unreachable(), .sure = true, .wait = milliseconds(90'000)}};
  happen("a");
  pass(milliseconds(89'000));
  EXPECT_EQ(letters_.size(), 1U);
  pass(milliseconds(3'000));
  EXPECT_EQ(letters_.size(), 2U);
}

TEST_F(Notifications, MessagesKeepTheirOrderWhileOneIsTriedAgain) {
  answers_ = {NotYet{.error = unreachable()}};
  happen("first");
  happen("second");
  pass(milliseconds(10'000));
  ASSERT_EQ(letters_.size(), 3U);
  EXPECT_EQ(letters_[1].event().key, "first");
  EXPECT_EQ(letters_[2].event().key, "second");
}

TEST_F(Notifications, MoreThanThePaceAllowsIsOneSummary) {
  channel_.config.per_minute = 3;
  for (const char* key : {"a", "b", "c", "d", "e"})
    happen(key);
  pass(milliseconds(10'000));
  ASSERT_EQ(letters_.size(), 1U);
  EXPECT_EQ(letters_[0].events.size(), 5U);
  EXPECT_EQ(letters_[0].text.title, "5 messages of aphex");
  happen("f");
  pass(milliseconds(2'000));
  EXPECT_EQ(letters_.size(), 2U);
}

TEST_F(Notifications, ASummaryThatMayHaveArrivedIsSentAgainAsItWas) {
  channel_.config.per_minute = 1;
  answers_ = {NotYet{.error = unreachable(), .sure = false}};
  happen("a");
  happen("b");
  pass(milliseconds(100));
  ASSERT_EQ(letters_.size(), 1U);
  happen("c");
  reopen();
  pass(milliseconds(10'000));
  ASSERT_EQ(letters_.size(), 2U);
  EXPECT_TRUE(letters_[1].unsure);
  EXPECT_EQ(letters_[1].events.size(), 2U);
}

TEST_F(Notifications, OnlyTheNewestOfATargetWaits) {
  listener_->mirrors = true;
  happen("start", EventKind::start);
  happen("end");
  pass(milliseconds(10'000));
  ASSERT_EQ(letters_.size(), 1U);
  EXPECT_EQ(letters_[0].event().key, "end");
}

TEST_F(Notifications, WhatIsTooOldIsNotTold) {
  channel_.config.expire = std::chrono::minutes(10);
  answers_.assign(30, NotYet{.error = unreachable()});
  happen("a");
  pass(std::chrono::minutes(12));
  EXPECT_EQ(only().state, NoticeState::expired);
  EXPECT_EQ(only().last_error, "older than 10 minutes; the last attempt: nobody answers");
  ASSERT_EQ(mishaps_.size(), 1U);
  EXPECT_EQ(mishaps_[0].error, only().last_error);
}

TEST_F(Notifications, AClockThatIsSetBackHoldsUpNothing) {
  answers_ = {NotYet{.error = unreachable()}};
  happen("a");
  pass(milliseconds(10));
  clock_ = std::make_shared<os::FakeClock>(os::WallTime(milliseconds(1'700'000'000'000)));
  reopen();
  pass(milliseconds(2'000));
  EXPECT_EQ(only().state, NoticeState::told);
}

TEST_F(Notifications, WaitingOnesOfAChannelThatIsGoneAreDead) {
  happen("a");
  const auto dropped = store_->drop_other_channels({"others"});
  ASSERT_TRUE(dropped && dropped->size() == 1);
  EXPECT_EQ(dropped->front().channel, "team");
  EXPECT_EQ(dropped->front().count, 1);
  EXPECT_EQ(only().state, NoticeState::dead);
}

}  // namespace
}  // namespace aphex::server::notify
