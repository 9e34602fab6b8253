#include "store/approvals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/files.hpp"
#include "store/run_database.hpp"

namespace aphex::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Millis kHour = 3'600'000;

class ApprovalsTest : public testing::Test {
 protected:
  ApprovalsTest() {
    const auto file = directory_->path() / "aphex.db";
    runs_ = std::move(*RunDatabase::open(file, clock_));
    store_ = std::move(*ApprovalStore::open(file, clock_));
    run_ = start_run();
  }

  std::int64_t start_run() {
    NewRun run;
    run.pipeline = "archon";
    run.commit_sha = std::string(40, 'a');
    run.author = "Ada Lovelace <ada@example.org>";
    run.message = "Grant the agent more";
    run.stages = {{"approve-prod", "approve"}};
    const auto id = runs_->create_run(run, [](std::int64_t) -> Status { return {}; });
    EXPECT_TRUE(id && runs_->start_run(*id));
    return *id;
  }

  ApprovalRecord ask(const std::string& digest = "d1", ApprovalPolicy policy = {}) {
    NewApproval approval;
    approval.run = run_;
    approval.environment = "prod";
    approval.digest = digest;
    approval.changes = R"({"version":1})";
    approval.summary = "1 stack changes";
    approval.policy = std::move(policy);
    approval.expires_after = kHour;
    auto asked = store_->ask(approval);
    EXPECT_TRUE(asked) << asked.error().message;
    return std::move(*asked);
  }

  // The state after it, or the error's words.
  std::string decide(std::int64_t id, const std::string& who, Decision decision = Decision::approve,
                     const std::string& comment = "") {
    const auto decided = store_->decide(id, who, decision, comment);
    if (!decided) return decided.error().message;
    return std::string(to_string(decided->state));
  }

  std::shared_ptr<os::FakeClock> clock_ =
      std::make_shared<os::FakeClock>(os::WallTime(std::chrono::hours(24)));
  Result<os::TemporaryDirectory> directory_ = os::TemporaryDirectory::create(
      std::filesystem::temp_directory_path(), "aphex-approvals-test-");
  std::unique_ptr<RunDatabase> runs_;
  std::unique_ptr<ApprovalStore> store_;
  std::int64_t run_ = 0;
};

TEST_F(ApprovalsTest, a_request_waits_until_somebody_approves_it) {
  const ApprovalRecord asked = ask();
  EXPECT_EQ(describe(asked), "waits for anybody until 1970-01-02T01:00Z");
  ASSERT_THAT(*store_->pending(), SizeIs(1));
  EXPECT_EQ(store_->pending()->front().author, "Ada Lovelace <ada@example.org>");

  EXPECT_EQ(decide(asked.id, "grace", Decision::approve, "go"), "approved");

  EXPECT_THAT(*store_->pending(), IsEmpty());
  const ApprovalRecord after = *store_->approval(asked.id);
  EXPECT_EQ(describe(after), "approved by grace at 1970-01-02T00:00Z");
  ASSERT_THAT(after.decisions, SizeIs(1));
  EXPECT_EQ(after.decisions.front().comment, "go");
  EXPECT_EQ((*store_->approved(run_, "prod"))->digest, "d1");
  EXPECT_FALSE(*store_->approved(run_, "dev"));
}

TEST_F(ApprovalsTest, one_rejection_ends_it_and_says_why) {
  const ApprovalRecord asked = ask("d1", {{}, 2, false});
  EXPECT_EQ(decide(asked.id, "grace"), "pending");
  EXPECT_EQ(decide(asked.id, "linus", Decision::reject, "not on a Friday"), "rejected");
  EXPECT_EQ(describe(*store_->approval(asked.id)),
            "rejected by linus at 1970-01-02T00:00Z: not on a Friday");
  EXPECT_THAT(decide(asked.id, "edsger"), HasSubstr("the deployment of run 1 to prod is decided"));
}

TEST_F(ApprovalsTest, a_quorum_counts_people_not_words) {
  const ApprovalRecord asked = ask("d1", {{"grace", "linus", "edsger"}, 2, false});
  EXPECT_EQ(describe(asked), "waits for 2 of grace, linus, edsger until 1970-01-02T01:00Z");
  EXPECT_EQ(decide(asked.id, "grace"), "pending");
  EXPECT_EQ(decide(asked.id, "grace"),
            "grace has decided about the deployment of run 1 to prod already (approve)");
  EXPECT_EQ(describe(*store_->approval(asked.id)),
            "waits for 1 of linus, edsger until 1970-01-02T01:00Z, approved so far by grace");
  EXPECT_EQ(decide(asked.id, "edsger"), "approved");
}

TEST_F(ApprovalsTest, others_than_the_named_people_cannot_decide) {
  const ApprovalRecord asked = ask("d1", {{"grace"}, 1, false});
  EXPECT_EQ(decide(asked.id, "mallory"),
            "mallory is not among the approvers of the deployment of run 1 to prod");
  EXPECT_EQ(decide(asked.id, "mallory", Decision::reject),
            "mallory is not among the approvers of the deployment of run 1 to prod");
  EXPECT_EQ(decide(asked.id, ""), "a decision needs the name of who makes it");
  EXPECT_EQ(store_->approval(asked.id)->state, ApprovalState::pending);
}

TEST_F(ApprovalsTest, the_author_is_never_the_only_one) {
  const ApprovalRecord alone = ask();
  for (const char* name : {"ada", "ADA@example.org", "Ada Lovelace"}) {
    EXPECT_THAT(decide(alone.id, name), HasSubstr("is the author of the commit")) << name;
  }
  EXPECT_EQ(decide(alone.id, "ada", Decision::reject), "rejected");

  const ApprovalRecord two = ask("d2", {{}, 2, false});
  EXPECT_EQ(decide(two.id, "ada"), "pending");
  EXPECT_EQ(decide(two.id, "grace"), "approved");

  const ApprovalRecord allowed = ask("d3", {{}, 1, true});
  EXPECT_EQ(decide(allowed.id, "ada"), "approved");
}

TEST_F(ApprovalsTest, time_rejects_what_nobody_decides) {
  const ApprovalRecord asked = ask("d1", {{}, 2, false});
  EXPECT_EQ(decide(asked.id, "grace"), "pending");
  (void)clock_->sleep(std::chrono::milliseconds(kHour), os::CancelToken());
  EXPECT_EQ(decide(asked.id, "linus"),
            "the deployment of run 1 to prod waited for approval until 1970-01-02T01:00Z, and was "
            "rejected then");
  EXPECT_THAT(*store_->pending(), IsEmpty());
  EXPECT_EQ(describe(*store_->approval(asked.id)),
            "expired at 1970-01-02T01:00Z: 1 of 2 approvals (grace)");
}

TEST_F(ApprovalsTest, a_killed_run_finds_its_request_and_its_deadline_again) {
  const ApprovalRecord asked = ask();
  ASSERT_TRUE(runs_->interrupt_run(run_));
  (void)clock_->sleep(std::chrono::milliseconds(kHour / 2), os::CancelToken());
  EXPECT_THAT(*store_->pending(), SizeIs(1));
  EXPECT_EQ(ask().id, asked.id);
  EXPECT_EQ(ask().expires_at, asked.expires_at);
  EXPECT_EQ(decide(asked.id, "grace"), "approved");
  EXPECT_EQ(ask().state, ApprovalState::approved);
  ASSERT_TRUE(store_->take(asked.id));
  EXPECT_EQ(ask().id, asked.id) << "approved stays approved";
}

TEST_F(ApprovalsTest, what_ended_otherwise_is_learned_once_and_then_asked_anew) {
  const ApprovalRecord asked = ask();
  EXPECT_EQ(decide(asked.id, "grace", Decision::reject), "rejected");
  EXPECT_EQ(ask().state, ApprovalState::rejected) << "killed before it learned of it";
  ASSERT_TRUE(store_->take(asked.id));
  const ApprovalRecord anew = ask();
  EXPECT_NE(anew.id, asked.id);
  EXPECT_EQ(anew.state, ApprovalState::pending);
}

TEST_F(ApprovalsTest, what_changes_otherwise_is_asked_anew) {
  const ApprovalRecord asked = ask("d1");
  const ApprovalRecord anew = ask("d2");
  EXPECT_EQ(anew.digest, "d2");
  EXPECT_EQ(store_->approval(asked.id)->state, ApprovalState::withdrawn);
  EXPECT_THAT(decide(asked.id, "grace"), HasSubstr("what would change is other by now"));
  EXPECT_EQ(decide(anew.id, "grace"), "approved");
  EXPECT_EQ(ask("d1").state, ApprovalState::pending) << "an old answer is not an answer";
}

TEST_F(ApprovalsTest, a_run_that_ended_waits_for_nobody) {
  const ApprovalRecord asked = ask();
  ASSERT_TRUE(runs_->finish_run(run_, RunState::cancelled, 130, std::nullopt));
  EXPECT_THAT(*store_->pending(), IsEmpty());
  EXPECT_EQ(decide(asked.id, "grace"), "run 1 waits for nobody any more: it is cancelled");
  EXPECT_EQ(store_->decide(77, "grace", Decision::approve, "").error().code, ErrorCode::not_found);
}

TEST_F(ApprovalsTest, names_and_comments_have_bounds) {
  const ApprovalRecord asked = ask();
  EXPECT_THAT(decide(asked.id, "gra\nce"), HasSubstr("one line"));
  EXPECT_THAT(decide(asked.id, std::string(kMaxApproverName + 1, 'x')), HasSubstr("one line"));
  EXPECT_THAT(decide(asked.id, "grace", Decision::approve, std::string(kMaxComment + 1, 'x')),
              HasSubstr("a comment is"));
  EXPECT_EQ(*store_->changes(asked.id), R"({"version":1})");
}

TEST_F(ApprovalsTest, requests_go_with_their_run) {
  ask();
  auto database = Database::open(directory_->path() / "aphex.db");
  ASSERT_TRUE(database->execute("DELETE FROM runs"));
  EXPECT_THAT(*store_->of_run(run_), IsEmpty());
}

}  // namespace
}  // namespace aphex::store
