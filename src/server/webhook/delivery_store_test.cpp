#include "server/webhook/delivery_store.hpp"

#include <atomic>
#include <latch>
#include <set>
#include <thread>

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

}  // namespace
}  // namespace aphex::server
