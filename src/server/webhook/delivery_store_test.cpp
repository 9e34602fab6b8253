#include "server/webhook/delivery_store.hpp"

#include <atomic>
#include <latch>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::size_t kSenders = 8;

// As the threads of a server do: all begin at the same moment.
template <typename Work>
void on_all_senders(const Work& work) {
  std::latch start(kSenders);
  std::vector<std::jthread> threads;
  for (std::size_t sender = 0; sender < kSenders; ++sender) {
    threads.emplace_back([&, sender] {
      start.arrive_and_wait();
      work(sender);
    });
  }
}

TEST(GroupWork, WhatComesMeanwhileIsDoneTogether) {
  GroupWork<int> group;
  std::latch working(1);
  std::latch go_on(1);
  std::vector<std::vector<int>> calls;
  const auto work = [&](std::span<int* const> jobs) {
    std::vector<int>& call = calls.emplace_back();
    for (const int* job : jobs)
      call.push_back(*job);
    if (calls.size() > 1) return;
    working.count_down();
    go_on.wait();
  };
  std::vector<int> jobs{1, 2, 3, 4};
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { group.run(jobs[0], work); });
  working.wait();
  for (std::size_t i = 1; i < jobs.size(); ++i) {
    threads.emplace_back([&, i] { group.run(jobs[i], work); });
    // So that they come in this order; what it takes to wait is not ours to see.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  go_on.count_down();
  threads.clear();
  EXPECT_THAT(calls, ElementsAre(ElementsAre(1), ElementsAre(2, 3, 4)));
}

TEST(GroupWork, EveryJobIsInOneCallAndCallsFollowOneAnother) {
  GroupWork<std::size_t> group;
  std::atomic<int> at_work = 0;
  std::vector<std::size_t> seen;  // of whoever works
  on_all_senders([&](std::size_t sender) {
    for (std::size_t i = 0; i < 500; ++i) {
      std::size_t job = sender * 500 + i;
      group.run(job, [&](std::span<std::size_t* const> jobs) {
        EXPECT_EQ(++at_work, 1);
        for (const std::size_t* each : jobs)
          seen.push_back(*each);
        --at_work;
      });
    }
  });
  EXPECT_THAT(seen, SizeIs(kSenders * 500));
  EXPECT_THAT(std::set(seen.begin(), seen.end()), SizeIs(kSenders * 500));
}

class DeliveryStoreTest : public testing::Test {
 protected:
  DeliveryStoreTest() : store_(std::move(*DeliveryStore::open(path(), os::make_system_clock()))) {}

  std::filesystem::path path() const { return directory_->path() / "aphex.db"; }

  Result<DeliveryStore::Recorded> push(const std::string& id, const std::string& request,
                                       const std::string& content = "") {
    Delivery delivery;
    delivery.id = id;
    delivery.content = content;
    delivery.verdict = Verdict::accepted;
    QueueEntry entry;
    entry.request = request;
    entry.pipeline = "app";
    entry.branch = "main";
    entry.commit = std::string(40, 'a');
    return store_->record(delivery, {{std::move(entry), Supersede::never}});
  }

  std::set<std::string> recorded() {
    std::set<std::string> ids;
    const auto deliveries = store_->deliveries(10'000);
    for (const DeliveryRecord& record : deliveries.value())
      EXPECT_TRUE(ids.insert(record.id).second) << record.id << " is there twice";
    return ids;
  }

  Result<os::TemporaryDirectory> directory_ = os::TemporaryDirectory::create(
      std::filesystem::temp_directory_path(), "aphex-delivery-store-test-");
  std::unique_ptr<DeliveryStore> store_;
};

TEST_F(DeliveryStoreTest, OneThatCannotBeRecordedTakesNoOtherWithIt) {
  ASSERT_TRUE(push("first", "taken"));
  std::atomic<int> refused = 0;
  on_all_senders([&](std::size_t sender) {
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(sender) + "-" + std::to_string(i);
      // No two entries bear one name.
      const bool conflict = i % 4 == 0;
      const auto result = push(conflict ? "bad-" + id : id, conflict ? "taken" : id);
      EXPECT_EQ(result.has_value(), !conflict) << id;
      if (result) continue;
      EXPECT_THAT(result.error().message, HasSubstr("queue.request"));
      ++refused;
    }
  });
  EXPECT_EQ(refused, 5 * int{kSenders});
  const std::set<std::string> ids = recorded();
  EXPECT_THAT(ids, SizeIs(1 + 15 * kSenders));
  for (const std::string& id : ids)
    EXPECT_FALSE(id.starts_with("bad-")) << id;
  EXPECT_THAT(*store_->open_entries(), SizeIs(ids.size()));
}

TEST_F(DeliveryStoreTest, OfTheSameDeliveryAtTheSameMomentOneIsRecorded) {
  for (int round = 0; round < 20; ++round) {
    const std::string id = "delivery-" + std::to_string(round);
    std::atomic<int> now = 0;
    on_all_senders([&](std::size_t) {
      const auto result = push(id, id);
      ASSERT_TRUE(result) << result.error().message;
      if (*result == DeliveryStore::Recorded::now) ++now;
    });
    EXPECT_EQ(now, 1);
  }
  EXPECT_THAT(recorded(), SizeIs(20));
}

// The id is not signed: who has seen a delivery could send it again under another.
TEST_F(DeliveryStoreTest, TheSameBytesUnderAnotherIdAreRejectedAndRunNothing) {
  EXPECT_EQ(*push("first", "first", "bytes"), DeliveryStore::Recorded::now);
  EXPECT_EQ(*push("second", "second", "bytes"), DeliveryStore::Recorded::before);
  EXPECT_EQ(*push("third", "third", "other bytes"), DeliveryStore::Recorded::now);
  EXPECT_THAT(*store_->open_entries(), SizeIs(2));
  const auto deliveries = *store_->deliveries(10);
  ASSERT_THAT(deliveries, SizeIs(3));
  EXPECT_EQ(deliveries[1].verdict, "rejected");
  EXPECT_EQ(deliveries[1].reason, "the same bytes came before, as delivery first");
}

TEST_F(DeliveryStoreTest, WhatIsAnsweredIsThereForAnotherProcess) {
  on_all_senders([&](std::size_t sender) {
    const std::string id = std::to_string(sender);
    ASSERT_TRUE(push(id, id));
    auto other = DeliveryStore::open(path(), os::make_system_clock());
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_THAT(*(*other)->deliveries(100),
                testing::Contains(testing::Field(&DeliveryRecord::id, id)));
  });
}

// Who waits for a disk that stands still must be told so, all of them.
TEST_F(DeliveryStoreTest, WithoutTheDatabaseEveryOneIsRefused) {
  ASSERT_TRUE(store::Database::open(path())->execute("DROP TABLE deliveries"));
  on_all_senders([&](std::size_t sender) {
    const std::string id = std::to_string(sender);
    const auto result = push(id, id);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("no such table"));
  });
  EXPECT_THAT(*store_->open_entries(), SizeIs(0));
}

class RunOfEntryTest : public DeliveryStoreTest {
 protected:
  RunOfEntryTest() {
    EXPECT_TRUE(push("first", "first/app"));
    EXPECT_TRUE(store_->begin(1));
  }

  void sql(const std::string& text) {
    const Status done = database_->execute(text);
    ASSERT_TRUE(done) << done.error().message;
  }

  // With the columns that an entry asks for.
  void run(int id, const std::string& request, const std::string& from, std::int64_t created_at) {
    sql(
        fmt::format("INSERT INTO runs (id, pipeline, state, plan_digest, plan, commit_sha,"
                    " repository_url, branch, author, message, options, owner_pid, owner_start,"
                    " created_at, request, restarted_from) VALUES ({}, 'app', 'running', '', '',"
                    " 'c0ffee', '', 'main', '', '', '', 1, 1, {}, {}, {})",
                    id, created_at, request, from));
  }

  void ask_of(int id) {
    sql(
        fmt::format("INSERT INTO approvals (run_id, environment, state, digest, changes, summary,"
                    " broadens, approvers, quorum, self_approval, created_at, expires_at) VALUES"
                    " ({}, 'prod', 'pending', '', '', '', 0, '', 1, 1, 1, 2)",
                    id));
  }

  Result<store::Database> database_ = store::Database::open(path());
};

TEST_F(RunOfEntryTest, IsTheLastOfThoseThatHandedOver) {
  EXPECT_EQ(store_->entry(1)->run, std::nullopt);
  run(22, "'first/app'", "NULL", 1);
  EXPECT_EQ(store_->entry(1)->run, 22);
  run(23, "NULL", "22", 2);
  run(24, "NULL", "23", 3);

  EXPECT_EQ(store_->entry(1)->run, 24);
  EXPECT_FALSE(store_->entry(1)->asks);
  // It waits for people, whichever run of it does.
  ask_of(24);
  EXPECT_TRUE(store_->entry(1)->asks);
}

// Another entry went on with it, and that one handed over.
TEST_F(RunOfEntryTest, IsNoneThatCameAfterItsEnd) {
  run(22, "'first/app'", "NULL", 1);
  ASSERT_TRUE(store_->end(1, 1, ""));
  const std::int64_t ended_at = *store_->entry(1)->ended_at;
  QueueEntry resume;
  resume.request = "resume/22/x";
  resume.pipeline = "app";
  resume.kind = EntryKind::resume;
  resume.run_id = 22;
  ASSERT_TRUE(store_->enqueue(resume));
  run(23, "NULL", "22", ended_at + 1);

  EXPECT_EQ(store_->entry(1)->run, 22);
  EXPECT_EQ(store_->entry(2)->run, 23);
}

TEST_F(RunOfEntryTest, TellsTheCommitThatTheBranchsNewestWas) {
  sql("UPDATE queue SET commit_sha = ''");
  EXPECT_EQ(store_->entry(1)->known_commit(), "");
  run(22, "'first/app'", "NULL", 1);

  EXPECT_EQ(store_->entry(1)->known_commit(), "c0ffee");
  // What was asked for stays what it was.
  EXPECT_EQ(store_->entry(1)->commit, "");
}

}  // namespace
}  // namespace aphex::server
