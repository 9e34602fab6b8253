#include "server/access/access_store.hpp"

#include <gtest/gtest.h>

#include "base/sha256.hpp"
#include "os/files.hpp"
#include "server/access/audit_log.hpp"
#include "server/access/gate.hpp"

namespace aphex::server {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class AccessStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TemporaryDirectory::create(std::filesystem::temp_directory_path(),
                                               "aphex-access-test-");
    ASSERT_TRUE(made) << made.error().message;
    directory_ = std::make_unique<os::TemporaryDirectory>(std::move(*made));
    auto opened = AccessStore::open(database(), clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  std::filesystem::path database() const { return directory_->path() / "aphex.db"; }

  std::string make(const std::string& name, Access role = Access::run,
                   std::optional<std::chrono::milliseconds> lifetime = {}) {
    auto made =
        store_->create({.name = name, .role = role, .lifetime = lifetime, .created_by = "test"});
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or("");
  }

  std::string found(const std::string& token) {
    const auto record = store_->find(token);
    EXPECT_TRUE(record);
    return record && *record ? (*record)->name : "";
  }

  std::shared_ptr<os::FakeClock> clock_ =
      std::make_shared<os::FakeClock>(os::WallTime(hours(480'000)));
  std::unique_ptr<os::TemporaryDirectory> directory_;
  std::unique_ptr<AccessStore> store_;
};

TEST_F(AccessStoreTest, KnowsATokenUntilItExpires) {
  const std::string token = make("ci", Access::approve, hours(1));
  EXPECT_EQ(found(token), "ci");
  EXPECT_EQ((*store_->find(token))->role, Access::approve);
  (void)clock_->sleep(hours(1) - std::chrono::milliseconds(1), {});
  EXPECT_EQ(found(token), "ci");
  (void)clock_->sleep(std::chrono::milliseconds(1), {});
  EXPECT_EQ(found(token), "");
}

TEST_F(AccessStoreTest, KnowsNothingThatIsAlmostAToken) {
  const std::string token = make("ci");
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_EQ(found(other), "") << i;
  }
  EXPECT_EQ(found(token.substr(0, token.size() - 1)), "");
  EXPECT_EQ(found(token + "0"), "");
  EXPECT_EQ(found(sha256_hex(token)), "");
  EXPECT_EQ(found(""), "");
  EXPECT_EQ(found(std::string(100'000, 'a')), "");
}

TEST_F(AccessStoreTest, NotesAUseOnceAMinute) {
  const std::string token = make("ci");
  const store::Millis first = store_->now();
  EXPECT_EQ(found(token), "ci");
  (void)clock_->sleep(seconds(59), {});
  EXPECT_EQ(found(token), "ci");
  EXPECT_EQ(store_->token("ci")->last_used_at, first);
  (void)clock_->sleep(seconds(1), {});
  EXPECT_EQ(found(token), "ci");
  EXPECT_EQ(store_->token("ci")->last_used_at, first + 60'000);
}

TEST_F(AccessStoreTest, EndsASessionInTimeAndWithItsToken) {
  make("ada", Access::read);
  const auto ada = store_->token("ada");
  const auto first = store_->begin_session(*ada, "::1");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ((**store_->session(first->cookie)).name, "ada");
  EXPECT_FALSE(*store_->session(first->cookie + "0"));
  EXPECT_FALSE(*store_->session(""));
  (void)clock_->sleep(kSessionTime, {});
  EXPECT_FALSE(*store_->session(first->cookie));

  const auto second = store_->begin_session(*ada, "::1");
  ASSERT_TRUE(store_->revoke("ada"));
  EXPECT_FALSE(*store_->session(second->cookie));
}

TEST_F(AccessStoreTest, ASessionIsNoTokenAndATokenNoSession) {
  const std::string token = make("ada");
  const auto session = store_->begin_session(*store_->token("ada"), "::1");
  EXPECT_EQ(found(session->cookie), "");
  EXPECT_EQ(found(std::string(kTokenPrefix) + session->cookie), "");
  EXPECT_FALSE(*store_->session(token));
}

TEST(Lifetime, IsDaysHoursAndMinutes) {
  EXPECT_EQ(parse_lifetime("90d"), hours(90 * 24));
  EXPECT_EQ(parse_lifetime("1d12h30m"), hours(36) + minutes(30));
  for (const char* none :
       {"", "d", "1", "1s", "-1d", "1h1d", "0m", "1.5d", "4000d", "1d ", "99999999999999999999d"})
    EXPECT_FALSE(parse_lifetime(none)) << none;
}

TEST(TryLimitTest, CountsAClientAndForgetsInTime) {
  const auto clock = std::make_shared<os::FakeClock>();
  TryLimit limit({.tries = 2, .within = seconds(60)}, clock);
  EXPECT_FALSE(limit.attempt("192.0.2.1"));
  EXPECT_FALSE(limit.attempt("192.0.2.1"));
  EXPECT_EQ(limit.attempt("192.0.2.1"), seconds(60));
  EXPECT_FALSE(limit.attempt("192.0.2.2"));
  (void)clock->sleep(seconds(59), {});
  EXPECT_EQ(limit.attempt("192.0.2.1"), seconds(1));
  (void)clock->sleep(seconds(1), {});
  EXPECT_FALSE(limit.attempt("192.0.2.1"));
  EXPECT_FALSE(limit.attempt("2001:db8::1"));
  EXPECT_FALSE(limit.attempt("2001:db8::2"));
  EXPECT_TRUE(limit.attempt("2001:db8::3"));
  limit.forget("2001:db8::9");
  EXPECT_FALSE(limit.attempt("2001:db8::3"));
}

TEST(TryLimitTest, RemembersABoundedNumberOfClients) {
  const auto clock = std::make_shared<os::FakeClock>();
  TryLimit limit({.tries = 1, .within = hours(1)}, clock);
  for (int i = 0; i < 20'000; ++i) {
    EXPECT_FALSE(limit.attempt("client " + std::to_string(i)));
    (void)clock->sleep(std::chrono::milliseconds(1), {});
  }
  EXPECT_TRUE(limit.attempt("client 19999"));
  EXPECT_FALSE(limit.attempt("client 0"));
}

TEST(TryLimitTest, ForgetsTheClientThatIsKnownLongest) {
  const auto clock = std::make_shared<os::FakeClock>();
  TryLimit limit({.tries = 1, .within = hours(1)}, clock);
  EXPECT_FALSE(limit.attempt("first"));
  EXPECT_FALSE(limit.attempt("second"));
  (void)clock->sleep(hours(1), {});
  EXPECT_FALSE(limit.attempt("first"));  // its hour is over: it is the newest now
  for (int i = 0; i < 4'095; ++i) {
    EXPECT_FALSE(limit.attempt("client " + std::to_string(i)));
  }
  EXPECT_TRUE(limit.attempt("first"));
  limit.forget("first");
  EXPECT_FALSE(limit.attempt("first"));
}

TEST_F(AccessStoreTest, TheAuditLogIsOnlyAddedTo) {
  auto log = AuditLog::open(database(), clock_);
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_TRUE((*log)->add({.who = "ada",
                           .client = "::1",
                           .action = "run.cancel",
                           .object = "run 1",
                           .result = AuditResult::done,
                           .detail = "a\nb\x1b[31m" + std::string(2'000, 'x') + "\xff"}));
  const auto records = (*log)->records({});
  ASSERT_EQ(records->size(), 1U);
  EXPECT_TRUE(records->front().detail.starts_with("a b [31mx"));
  EXPECT_EQ(records->front().detail.size(), 500U);

  auto other = store::Database::open(database());
  const Status changed = other->execute("UPDATE audit SET who = 'eve'");
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().message.find("the audit log is only added to"), std::string::npos);

  (void)clock_->sleep(hours(2), {});
  ASSERT_TRUE((*log)->add({.who = "bob", .client = {}, .action = "x", .object = {}, .detail = {}}));
  ASSERT_TRUE((*log)->prune(store_->now() - store::Millis{3'600'000}));
  EXPECT_EQ((*log)->records({})->front().who, "bob");
  EXPECT_EQ((*log)->records({})->size(), 1U);
}

}  // namespace
}  // namespace aphex::server
