// How a deployment's end is told.
#include "engine/deploy_report.hpp"

#include <gtest/gtest.h>

namespace aphex::engine {
namespace {

using std::chrono::duration;

plan::Environment environment() {
  plan::Environment dev{
      .name = "dev", .region = "us-east-1", .account = "111122223333", .stacks = {}};
  for (const char* name : {"Data", "Api", "Ui"})
    dev.stacks.push_back({.name = name, .path = "lib/x.ts", .depends_on = {}});
  return dev;
}

Error error_of(std::string message, Retry retry) {
  Error error;
  error.code = retry == Retry::retryable ? ErrorCode::unavailable : ErrorCode::deploy_failed;
  error.message = std::move(message);
  error.retry = retry;
  return error;
}

TEST(DeployReport, CountsWhatChanged) {
  const plan::Environment dev = environment();
  DeployReport report(dev);
  EXPECT_EQ(report.record(0, StackChange::changed, duration<double>(1.26)),
            "Data deployed (1.3 s)");
  EXPECT_EQ(report.record(1, StackChange::unchanged, duration<double>(1)), "Api unchanged (1.0 s)");
  (void)report.record(2, StackChange::changed, duration<double>(1));
  const std::vector<TaskState> done(3, TaskState::done);
  EXPECT_EQ(report.conclude(done, {}), "3 stacks: 2 changed, 1 unchanged");
}

TEST(DeployReport, IsShortWhereNothingChanged) {
  const plan::Environment dev = environment();
  DeployReport report(dev);
  for (std::size_t i = 0; i < 3; ++i)
    (void)report.record(i, StackChange::unchanged, duration<double>(1));
  EXPECT_EQ(report.conclude(std::vector<TaskState>(3, TaskState::done), {}), "3 stacks, unchanged");
}

TEST(DeployReport, NamesEveryFailedStackAndThoseThatDidNotStart) {
  const plan::Environment dev = environment();
  DeployReport report(dev);
  (void)report.record(0, tl::unexpected(error_of("Data failed: a", Retry::retryable)),
                      duration<double>(1));
  (void)report.record(1, tl::unexpected(error_of("Api failed: b", Retry::terminal)),
                      duration<double>(1));
  const auto failed = report.conclude(
      {TaskState::failed, TaskState::failed, TaskState::not_started}, os::CancelToken());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message,
            "2 of 3 stacks failed in dev: Data failed: a; Api failed: b; "
            "not started: Ui");
  EXPECT_EQ(failed.error().retry, Retry::terminal);
  EXPECT_EQ(failed.error().code, ErrorCode::deploy_failed);
}

TEST(DeployReport, MayBeTriedAgainWhereEveryFailureIsTransient) {
  const plan::Environment dev = environment();
  DeployReport report(dev);
  (void)report.record(0, tl::unexpected(error_of("Data: throttled", Retry::retryable)),
                      duration<double>(1));
  const auto failed = report.conclude(
      {TaskState::failed, TaskState::not_started, TaskState::not_started}, os::CancelToken());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().retry, Retry::retryable);
  EXPECT_EQ(failed.error().message, "Data: throttled; not started: Api, Ui");
}

TEST(DeployReport, SaysThatItWasCancelled) {
  const plan::Environment dev = environment();
  const DeployReport report(dev);
  os::CancelSource source;
  source.cancel("SIGINT");
  const auto cancelled =
      report.conclude(std::vector<TaskState>(3, TaskState::not_started), source.token());
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
  EXPECT_EQ(cancelled.error().message, "cancelled (SIGINT) before every stack of dev was deployed");
}

}  // namespace
}  // namespace aphex::engine
