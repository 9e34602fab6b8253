// Cancellation, the clock that waits on it, and the signals that trigger it.
#include "os/cancel.hpp"

#include <atomic>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/signals.hpp"

namespace aphex::os {
namespace {

using std::chrono::milliseconds;

bool readable(int descriptor) {
  pollfd event{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&event, 1, 0) == 1;
}

std::size_t open_descriptors() {
  using Iterator = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Iterator("/proc/self/fd"), Iterator()));
}

TEST(CancelToken, ByDefaultIsNeverCancelled) {
  const CancelToken token;
  EXPECT_FALSE(token.cancelled());
  EXPECT_EQ(token.descriptor(), -1);
  EXPECT_EQ(token.reason(), "");
}

TEST(CancelToken, BecomesReadableAndKeepsTheFirstReason) {
  CancelSource source;
  const CancelToken token = source.token();
  EXPECT_FALSE(readable(token.descriptor()));
  source.cancel("SIGINT");
  source.cancel("SIGTERM");
  EXPECT_TRUE(token.cancelled());
  EXPECT_TRUE(readable(token.descriptor()));
  EXPECT_TRUE(readable(token.descriptor()));  // it stays so
  EXPECT_EQ(token.reason(), "SIGINT");
}

TEST(CancelToken, OutlivesItsSource) {
  CancelToken token;
  {
    CancelSource source;
    token = source.token();
    source.cancel("gone");
  }
  EXPECT_TRUE(token.cancelled());
  EXPECT_TRUE(readable(token.descriptor()));
}

TEST(CancelSource, CancelsItsDescendantsAndNotItsAncestors) {
  CancelSource root;
  CancelSource child = CancelSource::child_of(root.token());
  const CancelSource grandchild = CancelSource::child_of(child.token());
  CancelSource sibling = CancelSource::child_of(root.token());
  child.cancel("stage failed");
  EXPECT_TRUE(grandchild.token().cancelled());
  EXPECT_EQ(grandchild.token().reason(), "stage failed");
  EXPECT_FALSE(root.token().cancelled());
  EXPECT_FALSE(sibling.token().cancelled());
  root.cancel("SIGINT");
  EXPECT_EQ(sibling.token().reason(), "SIGINT");
  EXPECT_EQ(child.token().reason(), "stage failed");
}

TEST(CancelSource, AChildOfACancelledParentIsBornCancelled) {
  CancelSource parent;
  parent.cancel("late");
  const CancelSource child = CancelSource::child_of(parent.token());
  EXPECT_EQ(child.token().reason(), "late");
  EXPECT_TRUE(readable(child.token().descriptor()));
}

TEST(CancelSource, AChildOfNothingIsASourceOfItsOwn) {
  CancelSource child = CancelSource::child_of(CancelToken());
  child.cancel("mine");
  EXPECT_TRUE(child.token().cancelled());
}

TEST(CancelSource, ChildrenThatDieFirstLeaveNothingBehind) {
  CancelSource parent;
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 5000; ++i)
    CancelSource::child_of(parent.token());
  EXPECT_EQ(open_descriptors(), before);
  parent.cancel("fine");
}

TEST(CancelSource, ChildrenMayComeAndGoWhileTheParentIsCancelled) {
  for (int round = 0; round < 50; ++round) {
    CancelSource parent;
    std::atomic<int> missed = 0;
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&missed, token = parent.token()] {
        for (int i = 0; i < 50; ++i) {
          const CancelSource child = CancelSource::child_of(token);
          if (token.cancelled() && i == 49 && !child.token().cancelled()) {
            pollfd event{.fd = child.token().descriptor(), .events = POLLIN, .revents = 0};
            if (::poll(&event, 1, 1000) != 1) ++missed;
          }
        }
      });
    }
    parent.cancel("now");
    for (auto& thread : threads)
      thread.join();
    EXPECT_EQ(missed, 0);
  }
}

// ---- clock ----

TEST(SystemClock, SleepsForTheDuration) {
  const auto clock = make_system_clock();
  const auto start = clock->steady();
  EXPECT_EQ(clock->sleep(milliseconds(60), CancelToken()), Clock::Wake::elapsed);
  EXPECT_GE(clock->steady() - start, milliseconds(60));
  EXPECT_EQ(clock->sleep(milliseconds(-5), CancelToken()), Clock::Wake::elapsed);
}

TEST(SystemClock, WakesAtOnceWhenCancelledEvenFromAnEndlessSleep) {
  const auto clock = make_system_clock();
  CancelSource source;
  std::thread canceller([source]() mutable {
    std::this_thread::sleep_for(milliseconds(50));
    source.cancel("wake up");
  });
  const auto start = clock->steady();
  EXPECT_EQ(clock->sleep(milliseconds::max(), source.token()), Clock::Wake::cancelled);
  canceller.join();
  EXPECT_LT(clock->steady() - start, milliseconds(1000));
}

TEST(FakeClock, MovesOnlyBySleeping) {
  FakeClock clock(WallTime(milliseconds(1000)));
  const auto start = clock.steady();
  EXPECT_EQ(clock.sleep(std::chrono::hours(1), CancelToken()), Clock::Wake::elapsed);
  EXPECT_EQ(clock.steady() - start, std::chrono::hours(1));
  EXPECT_EQ(clock.now(), WallTime(milliseconds(3'601'000)));
}

TEST(FormatTime, WritesRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(format_time(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(WallTime(milliseconds(1'769'847'330'123))), "2026-01-31T08:15:30.123Z");
  EXPECT_EQ(format_time(WallTime(milliseconds(1'709'251'199'999))), "2024-02-29T23:59:59.999Z");
}

// ---- signals ----

class Signals : public testing::Test {
 protected:
  // A test run started in the background of a script has SIGINT ignored, one under nohup SIGHUP,
  // and the guard honours both.
  void SetUp() override {
    old_interrupt_ = ::signal(SIGINT, SIG_DFL);
    old_hang_up_ = ::signal(SIGHUP, SIG_DFL);
  }
  void TearDown() override {
    static_cast<void>(::signal(SIGINT, old_interrupt_));
    static_cast<void>(::signal(SIGHUP, old_hang_up_));
  }

  static bool cancelled_soon(const CancelToken& token) {
    pollfd event{.fd = token.descriptor(), .events = POLLIN, .revents = 0};
    return ::poll(&event, 1, 2000) == 1;
  }

 private:
  sighandler_t old_interrupt_ = SIG_DFL;
  sighandler_t old_hang_up_ = SIG_DFL;
};

sigset_t current_mask() {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

TEST_F(Signals, TheFirstCancelsWithItsName) {
  for (const auto& [number, name] :
       {std::pair{SIGINT, "SIGINT"}, std::pair{SIGTERM, "SIGTERM"}, std::pair{SIGHUP, "SIGHUP"}}) {
    const CancelSource source;
    const SignalGuard guard(source);
    ::kill(::getpid(), number);
    ASSERT_TRUE(cancelled_soon(source.token())) << name;
    EXPECT_EQ(source.token().reason(), name);
  }
}

TEST_F(Signals, TheMaskDispositionsAndDescriptorsComeBack) {
  const auto old_pipe_handler = ::signal(SIGPIPE, SIG_DFL);
  const std::size_t before = open_descriptors();
  {
    const SignalGuard guard{CancelSource()};
    const sigset_t mask = current_mask();
    EXPECT_TRUE(sigismember(&mask, SIGINT));
    struct sigaction pipe_action {};
    ::sigaction(SIGPIPE, nullptr, &pipe_action);
    EXPECT_EQ(pipe_action.sa_handler, SIG_IGN);
  }
  const sigset_t mask = current_mask();
  EXPECT_FALSE(sigismember(&mask, SIGINT));
  EXPECT_FALSE(sigismember(&mask, SIGTERM));
  struct sigaction pipe_action {};
  ::sigaction(SIGPIPE, nullptr, &pipe_action);
  EXPECT_EQ(pipe_action.sa_handler, SIG_DFL);
  static_cast<void>(::signal(SIGPIPE, old_pipe_handler));
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Signals, ASecondInterruptEndsTheProgramWith130) {
  const pid_t child = ::fork();
  if (child == 0) {
    const CancelSource source;
    const SignalGuard guard(source);
    ::kill(::getpid(), SIGINT);
    if (!cancelled_soon(source.token())) ::_exit(1);
    ::kill(::getpid(), SIGINT);
    std::this_thread::sleep_for(std::chrono::seconds(5));
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
}

TEST_F(Signals, OneThatOurParentIgnoredStaysIgnored) {
  static_cast<void>(::signal(SIGINT, SIG_IGN));
  const CancelSource source;
  const SignalGuard guard(source);
  ::kill(::getpid(), SIGINT);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_FALSE(source.token().cancelled());
}

TEST_F(Signals, AHangUpThatAsksForSomethingIsHeardUnderNohup) {
  static_cast<void>(::signal(SIGHUP, SIG_IGN));
  std::atomic<int> asked = 0;
  const CancelSource source;
  const SignalGuard guard(source, [&asked] { ++asked; });
  ::kill(::getpid(), SIGHUP);
  for (int tries = 0; tries < 200 && asked == 0; ++tries)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(asked, 1);
  EXPECT_FALSE(source.token().cancelled());
}

TEST_F(Signals, ProcessesStartedUnderTheGuardTakeSignalsAgain) {
  const SignalGuard guard{CancelSource()};
  const auto runner = make_process_runner();
  ProcessSpec spec;
  spec.argv = {"bash", "-c", "kill -TERM $$; echo still here"};
  spec.environment = current_environment();
  const auto captured = capture(*runner, spec, CancelToken());
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->exit.how, ProcessExit::How::signalled);
  EXPECT_EQ(captured->exit.code, SIGTERM);
}

}  // namespace
}  // namespace aphex::os
