// What every ProcessRunner promises, asked of the real one and of the fake.
#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>

#include "os/fake_process.hpp"
#include "os/process.hpp"

namespace aphex::os {
namespace {

using std::chrono::milliseconds;

constexpr const char* kHello = "echo hello; echo problem >&2; exit 3";
constexpr const char* kTwoLines = "echo one; echo two";
constexpr const char* kSleep = "exec sleep 30";

ProcessSpec bash(std::string script) {
  ProcessSpec spec;
  spec.argv = {"bash", "-c", std::move(script)};
  spec.environment = current_environment();
  spec.grace = milliseconds(20'000);
  return spec;
}

std::unique_ptr<ProcessRunner> make_fake() {
  auto fake = std::make_unique<FakeProcessRunner>();
  FakeProcessRunner::Reply hello = FakeProcessRunner::prints("hello\n", 3);
  hello.output.emplace_back(Stream::err, "problem\n");
  fake->on(std::string("bash -c ") + kHello, hello);
  fake->on(std::string("bash -c ") + kTwoLines, FakeProcessRunner::prints("one\ntwo\n"));
  fake->on(std::string("bash -c ") + kSleep, FakeProcessRunner::hangs());
  return fake;
}

struct Kind {
  const char* name;
  std::unique_ptr<ProcessRunner> (*make)();
};

class ProcessRunnerContract : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<ProcessRunner> runner_ = GetParam().make();
};

TEST_P(ProcessRunnerContract, TheExitCodeAndBothStreamsArrive) {
  const auto captured = capture(*runner_, bash(kHello), CancelToken());
  ASSERT_TRUE(captured) << describe(captured.error());
  EXPECT_EQ(captured->exit.how, ProcessExit::How::exited);
  EXPECT_EQ(captured->exit.code, 3);
  EXPECT_EQ(captured->exit.shell_code(), 3);
  EXPECT_EQ(captured->out, "hello\n");
  EXPECT_EQ(captured->err, "problem\n");
}

TEST_P(ProcessRunnerContract, OutputThatNobodyAsksForIsDropped) {
  const auto exit = runner_->run(bash(kTwoLines), CancelToken());
  ASSERT_TRUE(exit) << describe(exit.error());
  EXPECT_EQ(exit->code, 0);
}

TEST_P(ProcessRunnerContract, CapturedOutputIsCutAtTheBound) {
  const auto captured = capture(*runner_, bash(kTwoLines), CancelToken(), 5);
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->out, "one\nt");
}

TEST_P(ProcessRunnerContract, CaptureAlsoCallsTheCallersOutputFunction) {
  std::string seen;
  auto spec = bash(kTwoLines);
  spec.on_output = [&](Stream, std::string_view chunk) { seen += chunk; };
  ASSERT_TRUE(capture(*runner_, spec, CancelToken()));
  EXPECT_EQ(seen, "one\ntwo\n");
}

TEST_P(ProcessRunnerContract, TheGroupIsToldOnceBeforeTheOutput) {
  std::vector<std::string> events;
  auto spec = bash(kTwoLines);
  spec.on_start = [&](int group) { events.push_back(group > 1 ? "start" : "no group"); };
  spec.on_output = [&](Stream, std::string_view) {
    if (events.back() != "output") events.emplace_back("output");
  };
  ASSERT_TRUE(runner_->run(spec, CancelToken()));
  EXPECT_EQ(events, (std::vector<std::string>{"start", "output"}));
}

TEST_P(ProcessRunnerContract, ATimeoutEndsTheProcess) {
  auto spec = bash(kSleep);
  spec.timeout = milliseconds(100);
  const auto exit = runner_->run(spec, CancelToken());
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->how, ProcessExit::How::timed_out);
  EXPECT_EQ(exit->code, SIGTERM);
  EXPECT_EQ(exit->shell_code(), 124);
  EXPECT_GE(exit->duration, milliseconds(100));
  EXPECT_LT(exit->duration, milliseconds(10'000));
}

TEST_P(ProcessRunnerContract, ACancellationFromAnotherThreadEndsTheProcess) {
  CancelSource source;
  std::thread canceller([source]() mutable {
    std::this_thread::sleep_for(milliseconds(100));
    source.cancel("enough");
  });
  const auto exit = runner_->run(bash(kSleep), source.token());
  canceller.join();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->how, ProcessExit::How::cancelled);
  EXPECT_EQ(exit->code, SIGTERM);
  EXPECT_EQ(exit->shell_code(), 130);
  EXPECT_LT(exit->duration, milliseconds(10'000));
}

TEST_P(ProcessRunnerContract, NothingStartsUnderACancelledToken) {
  CancelSource source;
  source.cancel("SIGINT");
  bool started = false;
  auto spec = bash(kTwoLines);
  spec.on_start = [&](int) { started = true; };
  const auto exit = runner_->run(spec, source.token());
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, ErrorCode::cancelled);
  EXPECT_NE(exit.error().message.find("SIGINT"), std::string::npos);
  EXPECT_FALSE(started);
}

TEST_P(ProcessRunnerContract, AnUnknownProgramIsNotFound) {
  ProcessSpec spec;
  spec.argv = {"aphex-no-such-program"};
  spec.environment = current_environment();
  const auto exit = runner_->run(spec, CancelToken());
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, ErrorCode::not_found);
  EXPECT_NE(exit.error().message.find("program not found: aphex-no-such-program"),
            std::string::npos);
}

TEST_P(ProcessRunnerContract, ManyThreadsRunProcessesAtOnce) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        const auto captured = capture(*runner_, bash(kTwoLines), CancelToken());
        if (captured && captured->out == "one\ntwo\n") ++right;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(right, 80);
}

INSTANTIATE_TEST_SUITE_P(Runners, ProcessRunnerContract,
                         testing::Values(Kind{"real", make_process_runner},
                                         Kind{"fake", make_fake}),
                         [](const auto& instance) { return std::string(instance.param.name); });

// ---- what only the fake does ----

TEST(FakeProcessRunner, GivesTheRepliesOfARuleInTurnAndKeepsTheLast) {
  FakeProcessRunner fake;
  fake.on_prefix("cdk deploy", {FakeProcessRunner::exits(1), FakeProcessRunner::exits(0)});
  ProcessSpec spec;
  spec.argv = {"cdk", "deploy", "App"};
  EXPECT_EQ(fake.run(spec, CancelToken())->code, 1);
  EXPECT_EQ(fake.run(spec, CancelToken())->code, 0);
  EXPECT_EQ(fake.run(spec, CancelToken())->code, 0);
}

TEST(FakeProcessRunner, PrefersTheRuleAddedLast) {
  FakeProcessRunner fake;
  fake.on_prefix("cdk", FakeProcessRunner::exits(1));
  fake.on("cdk ls", FakeProcessRunner::exits(2));
  ProcessSpec spec;
  spec.argv = {"cdk", "ls"};
  EXPECT_EQ(fake.run(spec, CancelToken())->code, 2);
}

TEST(FakeProcessRunner, RecordsEveryCallThoseWithoutARuleIncluded) {
  FakeProcessRunner fake;
  ProcessSpec spec;
  spec.argv = {"git", "status"};
  spec.working_directory = "/somewhere";
  spec.environment = {{"A", "b"}};
  EXPECT_FALSE(fake.run(spec, CancelToken()));
  ASSERT_EQ(fake.calls().size(), 1U);
  EXPECT_EQ(fake.calls()[0].working_directory, "/somewhere");
  EXPECT_EQ(fake.calls()[0].environment.at("A"), "b");
  EXPECT_EQ(fake.command_lines(), std::vector<std::string>{"git status"});
}

TEST(FakeProcessRunner, RefusesToHangWhereNothingCouldEndIt) {
  FakeProcessRunner fake;
  fake.on("server", FakeProcessRunner::hangs());
  ProcessSpec spec;
  spec.argv = {"server"};
  const auto exit = fake.run(spec, CancelToken());
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, ErrorCode::internal);
}

}  // namespace
}  // namespace aphex::os
