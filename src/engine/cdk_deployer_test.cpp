// A stack's deployment by the CLI: what succeeds, what fails, what is told.
#include "engine/cdk_deployer.hpp"

#include <deque>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_step.hpp"

namespace aphex::engine {
namespace {

using aws::FakeHttpClient;
using aws::HttpRequest;
using os::FakeProcessRunner;
using testing::Contains;
using testing::HasSubstr;

constexpr std::string_view kAssumed =
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>"
    "<SecretAccessKey>secret-of-the-role</SecretAccessKey><SessionToken>token</SessionToken>"
    "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
    "</AssumeRoleResponse>";

std::string event(std::string_view time, std::string_view id, std::string_view status,
                  std::string_view reason) {
  const std::string type = id == "Api" ? "AWS::CloudFormation::Stack" : "AWS::SQS::Queue";
  return "<member><EventId>" + std::string(id) + std::string(status) + "</EventId><Timestamp>" +
         std::string(time) + "</Timestamp><LogicalResourceId>" + std::string(id) +
         "</LogicalResourceId><ResourceType>" + type + "</ResourceType><ResourceStatus>" +
         std::string(status) + "</ResourceStatus><ResourceStatusReason>" + std::string(reason) +
         "</ResourceStatusReason></member>";
}

class Deploying : public testing::Test {
 protected:
  Deploying() : step_(fake_plan({{.name = "Api", .path = "lib/api.ts", .depends_on = {}}})) {
    stack_.name = "Api";
    stack_.stack.name = "Api";
    stack_.stack.physical_name = "Api";
    stack_.assembly = step_.paths.assembly("dev");
    stack_.outputs_file = step_.root() / "out" / "Api.json";
    stack_.events_file = step_.root() / "events" / "Api.json";
    step_.http->otherwise([this](const HttpRequest& request) { return answer(request); });
  }

  Result<StackChange> deploy() {
    CdkDeployer deployer(step_.context(plan::StageKind::deploy, plan::DeployStacks{0}),
                         CdkCli{.program = "/cdk", .version = {2, 1148, 1}, .warning = {}}, 0);
    return deployer.deploy(stack_);
  }
  void cli(FakeProcessRunner::Reply reply) { step_.processes.on_prefix("/cdk deploy Api", reply); }

  Result<aws::HttpResponse> answer(const HttpRequest& request) {
    const auto asks = [&](std::string_view action) {
      return request.body.find(action) != std::string::npos;
    };
    if (asks("Action=AssumeRole")) return FakeHttpClient::answers(200, std::string(kAssumed));
    if (asks("Action=DescribeStackEvents")) {
      return FakeHttpClient::answers(
          200, "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents>" + events_ +
                   "</StackEvents></DescribeStackEventsResult></DescribeStackEventsResponse>");
    }
    const std::string status = states_.front();
    if (states_.size() > 1) states_.pop_front();
    if (status.empty()) {
      return FakeHttpClient::answers(
          400, service_error_answer("ValidationError", "Stack with id Api does not exist"));
    }
    return FakeHttpClient::answers(200, describe_stacks_answer("Api", status));
  }

  FakeStep step_;
  StackToDeploy stack_;
  std::deque<std::string> states_{""};  // in turn; the last one stays
  std::string events_;                  // newest first, as CloudFormation sends them
};

TEST_F(Deploying, SaysWhetherTheStackChanged) {
  cli(FakeProcessRunner::prints("Api: deploying... [1/1]\n\n✅  Api\n"));
  EXPECT_EQ(deploy(), StackChange::changed);
  cli(FakeProcessRunner::prints("\n ✅  Api (no changes)\n"));
  EXPECT_EQ(deploy(), StackChange::unchanged);
  EXPECT_THAT(step_.log.lines(), Contains("Api| Api: deploying... [1/1]"));
}

TEST_F(Deploying, LeavesTheCliTheBaseCredentialsAndTheEnvironmentsRegion) {
  cli(FakeProcessRunner::prints("✅  Api\n"));
  ASSERT_TRUE(deploy());
  const auto call = step_.processes.calls().front();
  EXPECT_EQ(call.environment.at("AWS_REGION"), "us-east-1");
  EXPECT_EQ(call.environment.at("CDK_DEFAULT_ACCOUNT"), "111122223333");
  EXPECT_FALSE(call.environment.contains("AWS_SESSION_TOKEN"));
  EXPECT_EQ(call.working_directory, step_.paths.work());
}

TEST_F(Deploying, ExplainsARollbackByItsFirstFailuresAndKeepsTheEvents) {
  states_ = {"", "ROLLBACK_COMPLETE"};
  events_ = event("1970-01-01T00:00:02Z", "Api", "ROLLBACK_COMPLETE", "") +
            event("1970-01-01T00:00:01Z", "Queue", "CREATE_FAILED", "queue already exists") +
            event("1970-01-01T00:00:00Z", "Api", "CREATE_IN_PROGRESS", "User Initiated");
  cli(FakeProcessRunner::complains("❌  Api failed to deploy\n"));
  const auto failed = deploy();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::deploy_failed);
  EXPECT_EQ(failed.error().retry, Retry::terminal);
  EXPECT_EQ(failed.error().message,
            "Api failed and is ROLLBACK_COMPLETE: Queue "
            "(AWS::SQS::Queue): queue already exists");
  EXPECT_EQ(failed.error().hint,
            "mend the cause and push, or `aphex resume`: the next deployment deletes the stack, "
            "which holds nothing, and creates it anew");
  const auto kept = os::read_file(stack_.events_file);
  ASSERT_TRUE(kept) << describe(kept.error());
  const auto value = doc::parse_json(*kept);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->string_or("status", ""), "ROLLBACK_COMPLETE");
  EXPECT_EQ(value->find("events")->as_array()->size(), 3U);
}

TEST_F(Deploying, DoesNotBlameAnOlderFailureForTheClisTrouble) {
  states_ = {"UPDATE_ROLLBACK_COMPLETE"};
  events_ = event("1960-01-01T00:00:01Z", "Queue", "UPDATE_FAILED", "long ago") +
            event("1960-01-01T00:00:00Z", "Api", "UPDATE_IN_PROGRESS", "User Initiated");
  cli(FakeProcessRunner::complains("Error: connect ETIMEDOUT 10.0.0.1:443\n"));
  const auto failed = deploy();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message,
            "Api was not deployed (cdk exit code 1): Error: connect ETIMEDOUT 10.0.0.1:443");
  EXPECT_EQ(failed.error().retry, Retry::retryable);
}

TEST_F(Deploying, TriesAgainAfterASessionEndedWhereItsOwnStillWorks) {
  states_ = {"CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"};
  cli(
      FakeProcessRunner::complains("ExpiredToken: The security token included in the request is "
                                   "expired\n"));
  const auto failed = deploy();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().retry, Retry::retryable);
}

TEST_F(Deploying, WaitsForAnOperationThatItDidNotBegin) {
  states_ = {"UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"};
  cli(FakeProcessRunner::prints("✅  Api\n"));
  EXPECT_EQ(deploy(), StackChange::changed);
  EXPECT_THAT(step_.log.lines(), Contains("Api is UPDATE_IN_PROGRESS: waiting for the end of an "
                                          "operation that this run did not begin"));
}

TEST_F(Deploying, GivesUpOnAnOperationThatDoesNotEnd) {
  states_ = {"UPDATE_IN_PROGRESS"};
  const auto failed = deploy();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message,
            "Api is UPDATE_IN_PROGRESS in account 111122223333 us-east-1: "
            "it cannot be deployed");
  EXPECT_THAT(failed.error().hint, HasSubstr("aws cloudformation cancel-update-stack"));
  EXPECT_TRUE(step_.processes.calls().empty());
}

TEST_F(Deploying, DoesNotStartOnAStackThatNeedsARollback) {
  states_ = {"UPDATE_ROLLBACK_FAILED"};
  const auto failed = deploy();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().hint, HasSubstr("run `cdk rollback Api`"));
  EXPECT_TRUE(step_.processes.calls().empty());
}

TEST_F(Deploying, SaysThatAFailedCreationIsDoneAnew) {
  states_ = {"ROLLBACK_COMPLETE"};
  cli(FakeProcessRunner::prints("✅  Api\n"));
  EXPECT_EQ(deploy(), StackChange::changed);
  EXPECT_THAT(step_.log.lines(), Contains("Api is ROLLBACK_COMPLETE: its creation failed before; "
                                          "it is deleted and created anew"));
}

TEST_F(Deploying, SaysThatCloudFormationCarriesOnWhenInterrupted) {
  cli(FakeProcessRunner::hangs());
  const std::jthread person([this] {
    while (step_.processes.calls().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    step_.cancel.cancel("SIGINT");
  });
  const auto interrupted = deploy();
  ASSERT_FALSE(interrupted);
  EXPECT_EQ(interrupted.error().code, ErrorCode::cancelled);
  EXPECT_EQ(interrupted.error().message,
            "Api: interrupted; what CloudFormation has begun it carries on by itself");
  EXPECT_EQ(interrupted.error().hint,
            "aws cloudformation describe-stack-events --stack-name Api --region us-east-1");
}

}  // namespace
}  // namespace aphex::engine
