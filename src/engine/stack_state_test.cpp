// CloudFormation's states and events, as people are told of them.
#include "engine/stack_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aphex::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

aws::StackEvent event(std::string time, std::string id, std::string status,
                      std::string reason = {}) {
  const bool of_stack = id == "Api";
  return {.id = time,
          .time = std::move(time),
          .logical_id = std::move(id),
          .physical_id = {},
          .resource_type = of_stack ? "AWS::CloudFormation::Stack" : "AWS::SQS::Queue",
          .status = std::move(status),
          .reason = std::move(reason)};
}

const std::vector<aws::StackEvent> kTwoDeployments{
    event("2026-01-31T08:00:00.100Z", "Api", "CREATE_IN_PROGRESS"),
    event("2026-01-31T08:00:01.100Z", "Old", "CREATE_FAILED", "an older reason"),
    event("2026-01-31T08:00:02.100Z", "Api", "ROLLBACK_COMPLETE"),
    event("2026-01-31T09:00:00Z", "Api", "CREATE_IN_PROGRESS", "User Initiated"),
    event("2026-01-31T09:00:01Z", "Queue", "CREATE_FAILED", "queue already exists"),
    event("2026-01-31T09:00:01Z", "Topic", "CREATE_FAILED", "Resource creation cancelled"),
    event("2026-01-31T09:00:02Z", "Api", "ROLLBACK_COMPLETE"),
};

TEST(LastOperation, IsWhatBeganWithTheStackItself) {
  EXPECT_THAT(last_operation(kTwoDeployments, "Api", "2026-01-31T08:59:00.000Z"), SizeIs(4));
  EXPECT_THAT(last_operation(kTwoDeployments, "Api", "2026-01-31T09:00:00.999Z"), SizeIs(4));
}

TEST(LastOperation, IsNothingWhereTheEventsAreOlder) {
  EXPECT_THAT(last_operation(kTwoDeployments, "Api", "2026-01-31T10:00:00.000Z"), IsEmpty());
  EXPECT_THAT(last_operation({}, "Api", "2026-01-31T10:00:00.000Z"), IsEmpty());
}

TEST(FailedResources, LeaveOutWhatOnlyFollowed) {
  EXPECT_THAT(
      failed_resources(last_operation(kTwoDeployments, "Api", "2026-01-31T08:59:00Z"), "Api"),
      ElementsAre("Queue (AWS::SQS::Queue): queue already exists"));
}

TEST(FailedResources, AreTheStacksOwnReasonWhereNoResourceFailed) {
  EXPECT_THAT(failed_resources({event("t", "Api", "CREATE_FAILED", "template is wrong")}, "Api"),
              ElementsAre("template is wrong"));
}

TEST(FailedResources, AreWhyTheStackRolledBackWhereNoResourceFailed) {
  const std::vector<aws::StackEvent> export_in_use{
      event("t", "Api", "UPDATE_IN_PROGRESS", "User Initiated"),
      event("t", "Queue", "UPDATE_COMPLETE"),
      event("t", "Api", "UPDATE_ROLLBACK_IN_PROGRESS",
            "Export Api:Url cannot be updated as it is in use by Web"),
      event("t", "Queue", "UPDATE_COMPLETE"),
      event("t", "Api", "UPDATE_ROLLBACK_COMPLETE"),
  };
  EXPECT_THAT(failed_resources(export_in_use, "Api"),
              ElementsAre("Export Api:Url cannot be updated as it is in use by Web"));
}

TEST(StackStates, AreClassified) {
  EXPECT_EQ(classify_status(""), StackState::absent);
  EXPECT_EQ(classify_status("DELETE_COMPLETE"), StackState::absent);
  EXPECT_EQ(classify_status("REVIEW_IN_PROGRESS"), StackState::settled);
  EXPECT_EQ(classify_status("CREATE_COMPLETE"), StackState::settled);
  EXPECT_EQ(classify_status("UPDATE_ROLLBACK_COMPLETE"), StackState::settled);
  EXPECT_EQ(classify_status("ROLLBACK_COMPLETE"), StackState::recreated);
  EXPECT_EQ(classify_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), StackState::in_progress);
  EXPECT_EQ(classify_status("UPDATE_ROLLBACK_FAILED"), StackState::stuck_rollback);
  EXPECT_EQ(classify_status("DELETE_FAILED"), StackState::stuck_delete);
  EXPECT_TRUE(is_failure("UPDATE_ROLLBACK_COMPLETE"));
  EXPECT_FALSE(is_failure("UPDATE_COMPLETE"));
}

TEST(StackStates, HaveRemedies) {
  EXPECT_EQ(remedy("CREATE_COMPLETE", {"Api", "us-east-1", "aphex resume"}), "");
  EXPECT_EQ(remedy("ROLLBACK_COMPLETE", {"Api", "us-east-1", "aphex resume"}),
            "mend the cause and push, or `aphex resume`: the next deployment deletes the stack, "
            "which holds nothing, and creates it anew");
  EXPECT_THAT(remedy("UPDATE_ROLLBACK_FAILED", {"Dev/Api", "us-east-1", "aphex resume"}),
              HasSubstr("run `cdk rollback Dev/Api`"));
  EXPECT_THAT(remedy("UPDATE_IN_PROGRESS", {"Api", "us-east-1", "aphex resume"}),
              HasSubstr("aws cloudformation cancel-update-stack --stack-name Api"));
  EXPECT_THAT(remedy("DELETE_FAILED", {"Api", "us-east-1", "aphex resume"}),
              HasSubstr("aws cloudformation delete-stack --stack-name Api --region us-east-1"));
}

}  // namespace
}  // namespace aphex::engine
