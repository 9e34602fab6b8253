#include "server/queue/dispatcher.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aphex::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kRun =
    "INSERT INTO runs (pipeline, state, plan_digest, plan, commit_sha, repository_url, branch,"
    " author, message, options, owner_pid, owner_start, created_at)"
    " VALUES ('a', 'running', '', '{}', '', '', 'main', '', '', '{}', 0, 0, 0)";
constexpr std::string_view kApproval =
    "INSERT INTO approvals (run_id, environment, state, digest, changes, summary, broadens,"
    " approvers, quorum, self_approval, created_at, expires_at)"
    " VALUES (1, 'prod', 'pending', '', '{}', '', 0, '[]', 1, 0, 0, 0)";

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() {
    for (const char* name : {"a", "b", "c"}) {
      ServedPipeline& pipeline = config_.pipelines.emplace_back();
      pipeline.name = name;
      pipeline.repository = "acme/app";
    }
    config_.max_runs = 2;
    store_ = std::move(*DeliveryStore::open(directory_->path() / "aphex.db", clock_));
    restart();
  }

  void restart() {
    dispatcher_.emplace(
        Dispatcher::Parts{config_,
                          *store_,
                          DispatchPaths{directory_->path()},
                          *clock_,
                          [this](const QueueEntry& entry) -> Status {
                            started_.push_back(entry.number);
                            return {};
                          },
                          {},
                          [this](const QueueEntry& entry) { ended_.push_back(entry.number); }});
  }

  // Queued anew, one number more each time.
  void push(const std::string& pipeline, Supersede supersede = Supersede::never) {
    Delivery delivery;
    delivery.id = "delivery-" + std::to_string(++deliveries_);
    delivery.verdict = Verdict::accepted;
    QueueEntry entry;
    entry.request = delivery.id + "/" + pipeline;
    entry.pipeline = pipeline;
    entry.branch = "main";
    entry.commit = std::string(40, 'a');
    const auto recorded = store_->record(delivery, {{std::move(entry), supersede}});
    ASSERT_TRUE(recorded) << recorded.error().message;
  }

  std::vector<std::int64_t> turn() {
    started_.clear();
    const Status turned = dispatcher_->turn();
    EXPECT_TRUE(turned) << turned.error().message;
    return started_;
  }

  // Makes the run of an entry, which asks for an approval.
  void ask(std::int64_t number) {
    auto database = store::Database::open(directory_->path() / "aphex.db");
    ASSERT_TRUE(database);
    const std::string request = fmt::format(
        "UPDATE runs SET request = (SELECT request FROM queue WHERE number = {})", number);
    for (const std::string_view sql : {kRun, std::string_view(request), kApproval}) {
      const Status done = database->execute(sql);
      ASSERT_TRUE(done) << done.error().message;
    }
  }

  // What the process of an entry does first.
  os::FileLock hold(std::int64_t number) {
    return std::move(**os::FileLock::try_acquire(DispatchPaths{directory_->path()}.lock(number)));
  }

  std::shared_ptr<os::FakeClock> clock_ = std::make_shared<os::FakeClock>();
  Result<os::TemporaryDirectory> directory_ =
      os::TemporaryDirectory::create(std::filesystem::temp_directory_path(), "aphex-dispatch-");
  ServerConfig config_;
  std::unique_ptr<DeliveryStore> store_;
  std::optional<Dispatcher> dispatcher_;
  std::vector<std::int64_t> started_;
  std::vector<std::int64_t> ended_;
  int deliveries_ = 0;
};

TEST_F(DispatcherTest, TellsOnceOfEachThatHasEnded) {
  push("a");
  push("b");
  EXPECT_THAT(turn(), ElementsAre(1, 2));
  EXPECT_TRUE(turn().empty());
  EXPECT_THAT(ended_, ElementsAre());
  ASSERT_TRUE(store_->end(2, 1, "there is no such commit"));
  static_cast<void>(turn());
  EXPECT_THAT(ended_, ElementsAre(2));
  static_cast<void>(turn());
  EXPECT_THAT(ended_, ElementsAre(2));
}

TEST_F(DispatcherTest, StartsTheOldestOfEachPipelineWithinTheBound) {
  push("a");
  push("a");
  push("b");
  push("c");
  EXPECT_THAT(turn(), ElementsAre(1, 3));
  EXPECT_THAT(turn(), IsEmpty());
  ASSERT_TRUE(store_->end(1, 0, ""));
  EXPECT_THAT(turn(), ElementsAre(2));
  ASSERT_TRUE(store_->end(3, 1, "failed"));
  EXPECT_THAT(turn(), ElementsAre(4));
}

TEST_F(DispatcherTest, ARunThatWaitsForPeopleTakesNoPlaceOfAnotherPipeline) {
  config_.max_runs = 1;
  push("a");
  push("a");
  push("b");
  EXPECT_THAT(turn(), ElementsAre(1));
  const os::FileLock process = hold(1);
  EXPECT_THAT(turn(), IsEmpty());
  ask(1);
  EXPECT_TRUE(store_->entry(1)->asks);
  EXPECT_EQ(store_->entry(1)->run, 1);
  EXPECT_THAT(turn(), ElementsAre(3));
  EXPECT_THAT(turn(), IsEmpty());
}

TEST_F(DispatcherTest, LeavesAloneWhatExecutesThoughItWasStartedByAnEarlierServer) {
  push("a");
  EXPECT_THAT(turn(), ElementsAre(1));
  const os::FileLock process = hold(1);
  restart();
  clock_->sleep(std::chrono::hours(1), os::CancelToken());
  EXPECT_THAT(turn(), IsEmpty());
}

TEST_F(DispatcherTest, StartsAgainWhatDiedAndGivesUpInTheEnd) {
  push("a");
  for (int start = 1; start <= 20; ++start) {
    EXPECT_THAT(turn(), ElementsAre(1)) << start;
    EXPECT_THAT(turn(), IsEmpty()) << "it has not had the time to take its lock";
    clock_->sleep(std::chrono::seconds(11), os::CancelToken());
  }
  EXPECT_THAT(turn(), IsEmpty());
  const auto entry = store_->entry(1);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->state, QueueState::ended);
  EXPECT_THAT(entry->note, HasSubstr("ended 20 times without a word"));
}

TEST_F(DispatcherTest, EndsWhatNoPipelineIsConfiguredForAnyMore) {
  push("gone");
  push("a");
  EXPECT_THAT(turn(), ElementsAre(2));
  EXPECT_THAT(store_->entry(1)->note, HasSubstr("no pipeline gone any more"));
  EXPECT_THAT(turn(), IsEmpty());
  EXPECT_THAT(ended_, ElementsAre(1));
}

TEST_F(DispatcherTest, APushSupersedesWhatWaitsAndNothingThatExecutes) {
  push("a", Supersede::queued);
  EXPECT_THAT(turn(), ElementsAre(1));
  push("a", Supersede::queued);
  push("b", Supersede::queued);
  push("a", Supersede::queued);
  EXPECT_EQ(store_->entry(1)->state, QueueState::running);
  EXPECT_EQ(store_->entry(2)->state, QueueState::superseded);
  EXPECT_EQ(store_->entry(3)->state, QueueState::waiting);
}

TEST_F(DispatcherTest, ADeliveryIsRecordedOnceAndARejectedOneTakesNoId) {
  Delivery delivery;
  delivery.id = "one";
  EXPECT_EQ(*store_->record(delivery, {}), DeliveryStore::Recorded::now);
  delivery.verdict = Verdict::ignored;
  EXPECT_EQ(*store_->record(delivery, {}), DeliveryStore::Recorded::now);
  EXPECT_EQ(*store_->record(delivery, {}), DeliveryStore::Recorded::before);
}

}  // namespace
}  // namespace aphex::server
