// Real processes: groups, grace, descriptors, signals, the way programs are found.
#include "os/process.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hpp"
#include "os/files.hpp"
#include "os/process_group.hpp"

namespace aphex::os {
namespace {

using std::chrono::milliseconds;

// Far above what it takes on a busy machine, far below the sleeps and graces it is told from.
constexpr milliseconds kSoon{10'000};

class RealProcess : public testing::Test {
 protected:
  void SetUp() override {
    auto created =
        TemporaryDirectory::create(std::filesystem::temp_directory_path(), "aphex-process-");
    ASSERT_TRUE(created);
    directory_.emplace(std::move(*created));
  }

  ProcessSpec bash(const std::string& script) const {
    ProcessSpec spec;
    spec.argv = {"bash", "-c", script};
    spec.environment = current_environment();
    spec.working_directory = directory_->path();
    spec.grace = milliseconds(200);
    return spec;
  }

  Captured run(const ProcessSpec& spec) {
    auto captured = capture(*runner_, spec, CancelToken());
    if (!captured) {
      ADD_FAILURE() << describe(captured.error());
      return {};
    }
    return std::move(*captured);
  }

  Captured run_and_cancel_when_ready(ProcessSpec spec) {
    CancelSource source;
    spec.on_output = [&](Stream, std::string_view chunk) {
      if (chunk.find("ready") != std::string_view::npos) source.cancel("seen");
    };
    auto captured = capture(*runner_, spec, source.token());
    if (!captured) ADD_FAILURE() << describe(captured.error());
    return captured ? std::move(*captured) : Captured{};
  }

  std::string executable(const std::string& name, const std::string& text, mode_t mode = 0755) {
    const auto path = directory_->path() / name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path.string();
  }

  // The pid that a script of ours wrote; waits until it did.
  int pid_in(const std::string& name) const {
    for (int i = 0; i < 500; ++i) {
      int pid = 0;
      if (std::ifstream(directory_->path() / name) >> pid) return pid;
      std::this_thread::sleep_for(milliseconds(10));
    }
    ADD_FAILURE() << "no pid in " << name;
    return 0;
  }

  static bool ends_soon(int pid) {
    for (int i = 0; i < 300; ++i) {
      if (!process_start_time(pid)) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

  std::optional<TemporaryDirectory> directory_;
  std::unique_ptr<ProcessRunner> runner_ = make_process_runner();
};

std::size_t open_descriptors() {
  using Iterator = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Iterator("/proc/self/fd"), Iterator()));
}

// ---- the child's world ----

TEST_F(RealProcess, LeadsAProcessGroupOfItsOwn) {
  int group = 0;
  auto spec = bash("ps -o pgid= -p $$; echo $$");
  spec.on_start = [&](int id) { group = id; };
  const auto captured = run(spec);
  const auto lines = split(captured.out, '\n');
  EXPECT_EQ(trim(lines[0]), std::to_string(group));
  EXPECT_EQ(lines[1], std::to_string(group));
  EXPECT_NE(group, ::getpgrp());
}

TEST_F(RealProcess, ReadsEndOfFileFromStandardInput) {
  EXPECT_EQ(run(bash("cat; readlink /proc/self/fd/0")).out, "/dev/null\n");
}

TEST_F(RealProcess, SeesOnlyTheEnvironmentOfItsSpec) {
  ProcessSpec spec;
  spec.argv = {"env"};
  spec.environment = {{"PATH", "/usr/bin:/bin"}, {"GREETING", "good day\nto you"}};
  EXPECT_EQ(run(spec).out, "GREETING=good day\nto you\nPATH=/usr/bin:/bin\n");
}

TEST_F(RealProcess, RunsInItsWorkingDirectoryAndOursStays) {
  const auto before = std::filesystem::current_path();
  EXPECT_EQ(run(bash("pwd -P")).out,
            std::filesystem::canonical(directory_->path()).string() + "\n");
  EXPECT_EQ(std::filesystem::current_path(), before);
}

TEST_F(RealProcess, InheritsNoDescriptorEvenOneWithoutCloseOnExec) {
  const int inheritable = ::fcntl(STDERR_FILENO, F_DUPFD, 57);
  ASSERT_GE(inheritable, 57);
  ProcessSpec spec = bash("");
  spec.argv = {"ls", "/proc/self/fd"};
  const auto captured = run(spec);
  ::close(inheritable);
  EXPECT_EQ(captured.out, "0\n1\n2\n3\n");  // 3 is the directory that ls reads
}

TEST_F(RealProcess, StartsWithNoSignalBlockedOrIgnored) {
  sigset_t blocked;
  sigset_t old;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &old);
  const auto old_handler = ::signal(SIGPIPE, SIG_IGN);
  ProcessSpec spec = bash("");
  spec.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
  const auto captured = run(spec);
  static_cast<void>(::signal(SIGPIPE, old_handler));
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  // Signals 32 and 33 are glibc's own: its posix_spawn starts programs with them ignored (`make`
  // does so with this test), and nobody but glibc can change that.
  constexpr unsigned long long kOwnOfGlibc = 3ULL << 31U;
  unsigned long long blocked_then = ~0ULL;
  unsigned long long ignored_then = ~0ULL;
  ASSERT_EQ(
      std::sscanf(captured.out.c_str(), "SigBlk: %llx SigIgn: %llx", &blocked_then, &ignored_then),
      2)
      << captured.out;
  EXPECT_EQ(blocked_then, 0U);
  EXPECT_EQ(ignored_then & ~kOwnOfGlibc, 0U);
}

// ---- output ----

TEST_F(RealProcess, OutputOfEachStreamKeepsItsOrderAndNothingIsLost) {
  const auto captured = run(bash("seq 1 200000; seq 1 100000 >&2"));
  std::string expected_out;
  for (int i = 1; i <= 200000; ++i)
    expected_out += std::to_string(i) + "\n";
  std::string expected_err;
  for (int i = 1; i <= 100000; ++i)
    expected_err += std::to_string(i) + "\n";
  EXPECT_TRUE(captured.out == expected_out) << captured.out.size() << " bytes";
  EXPECT_TRUE(captured.err == expected_err) << captured.err.size() << " bytes";
}

TEST_F(RealProcess, OutputArrivesWhileTheProcessRuns) {
  std::chrono::steady_clock::time_point first;
  auto spec = bash("echo early; sleep 0.4");
  spec.on_output = [&](Stream, std::string_view) { first = std::chrono::steady_clock::now(); };
  ASSERT_TRUE(runner_->run(spec, CancelToken()));
  EXPECT_GE(std::chrono::steady_clock::now() - first, milliseconds(200));
}

// ---- how it ends ----

TEST_F(RealProcess, ASignalThatEndsItIsReported) {
  const auto captured = run(bash("kill -SEGV $$"));
  EXPECT_EQ(captured.exit.how, ProcessExit::How::signalled);
  EXPECT_EQ(captured.exit.code, SIGSEGV);
  EXPECT_EQ(captured.exit.shell_code(), 139);
}

TEST_F(RealProcess, ATimeoutEndsGrandchildrenToo) {
  auto spec = bash("bash -c 'echo $$ > grandchild; exec sleep 60' & wait");
  spec.timeout = milliseconds(1000);
  const auto captured = run(spec);
  EXPECT_EQ(captured.exit.how, ProcessExit::How::timed_out);
  EXPECT_FALSE(process_start_time(pid_in("grandchild")));
}

TEST_F(RealProcess, OneThatIgnoresSigtermIsKilledAfterGrace) {
  auto spec = bash("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  spec.grace = milliseconds(300);
  const auto captured = run_and_cancel_when_ready(spec);
  EXPECT_EQ(captured.out, "ready\n");
  EXPECT_EQ(captured.exit.how, ProcessExit::How::cancelled);
  EXPECT_EQ(captured.exit.code, SIGKILL);
  EXPECT_GE(captured.exit.duration, milliseconds(300));
  EXPECT_LT(captured.exit.duration, kSoon);
}

TEST_F(RealProcess, OneThatCatchesSigtermMayCleanUpWithinGrace) {
  auto spec = bash("trap 'echo cleaned; exit 7' TERM; echo ready; while :; do sleep 0.02; done");
  spec.grace = milliseconds(20'000);
  const auto captured = run_and_cancel_when_ready(spec);
  EXPECT_EQ(captured.out, "ready\ncleaned\n");
  EXPECT_EQ(captured.exit.how, ProcessExit::How::cancelled);
  EXPECT_EQ(captured.exit.code, SIGTERM);
  EXPECT_LT(captured.exit.duration, kSoon);
}

TEST_F(RealProcess, AStoppedProcessStillEndsGently) {
  auto spec = bash("trap 'echo cleaned; exit 7' TERM; (sleep 0.2; echo ready) & kill -STOP $$");
  spec.grace = milliseconds(20'000);
  const auto captured = run_and_cancel_when_ready(spec);
  EXPECT_EQ(captured.out, "ready\ncleaned\n");
  EXPECT_LT(captured.exit.duration, kSoon);
}

TEST_F(RealProcess, ABackgroundProcessMayFinishShortlyAfterItsLeader) {
  const auto captured = run(bash("(sleep 0.3; echo late) & echo early"));
  EXPECT_EQ(captured.out, "early\nlate\n");
  EXPECT_EQ(captured.exit.how, ProcessExit::How::exited);
}

TEST_F(RealProcess, ABackgroundProcessThatStaysIsEndedAndTheExitCodeKept) {
  const auto captured =
      run(bash("bash -c 'echo $$ > server; exec sleep 60' > /dev/null 2>&1 & "
               "until [ -s server ]; do sleep 0.01; done; exit 4"));
  EXPECT_EQ(captured.exit.how, ProcessExit::How::exited);
  EXPECT_EQ(captured.exit.code, 4);
  EXPECT_LT(captured.exit.duration, kSoon);
  EXPECT_FALSE(process_start_time(pid_in("server")));
}

TEST_F(RealProcess, OneThatLeftTheGroupAndHoldsThePipesDoesNotHangUs) {
  auto spec = bash(
      "setsid bash -c 'echo $$ > escaped; exec sleep 60' & "
      "until [ -s escaped ]; do sleep 0.01; done; echo done");
  spec.timeout = milliseconds(20'000);
  const auto captured = run(spec);
  const int escaped = pid_in("escaped");
  EXPECT_EQ(captured.out, "done\n");
  EXPECT_LT(captured.exit.duration, kSoon);
  EXPECT_TRUE(process_start_time(escaped));  // it is no longer ours to end
  ::kill(escaped, SIGKILL);
}

TEST_F(RealProcess, GetsSigtermWhenWeAreKilled) {
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    static_cast<void>(runner_->run(bash("echo $$ > child; exec sleep 60"), CancelToken()));
    ::_exit(0);
  }
  const int child = pid_in("child");
  EXPECT_TRUE(process_start_time(child));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(ends_soon(child));
}

// ---- starting ----

TEST_F(RealProcess, FindsTheProgramInPathOfItsOwnEnvironment) {
  executable("greet", "#!/bin/sh\necho from the tool\n");
  ProcessSpec spec;
  spec.argv = {"greet"};
  spec.environment = {{"PATH", directory_->path().string()}};
  EXPECT_EQ(run(spec).out, "from the tool\n");
}

TEST_F(RealProcess, LooksUpRelativePathEntriesFromItsWorkingDirectory) {
  std::filesystem::create_directory(directory_->path() / "bin");
  executable("bin/greet", "#!/bin/sh\necho relative\n");
  ProcessSpec spec = bash("");
  spec.argv = {"greet"};
  spec.environment = {{"PATH", "bin"}};
  EXPECT_EQ(run(spec).out, "relative\n");
  spec.argv = {"./bin/greet"};
  EXPECT_EQ(run(spec).out, "relative\n");
}

TEST_F(RealProcess, SaysWhyAProgramCannotBeExecuted) {
  ProcessSpec spec = bash("");
  spec.argv = {executable("plain", "text", 0644)};
  auto exit = runner_->run(spec, CancelToken());
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, ErrorCode::permission);
  EXPECT_EQ(exit.error().message, spec.argv[0] + " is not executable");

  spec.argv = {executable("orphan", "#!/no/such/interpreter\n")};
  exit = runner_->run(spec, CancelToken());
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().message, "cannot execute " + spec.argv[0] + ": No such file or directory");
  EXPECT_EQ(exit.error().hint, "the interpreter that its first line (#!) names does not exist");
}

TEST_F(RealProcess, SaysWhichWorkingDirectoryIsMissing) {
  auto spec = bash("true");
  spec.working_directory = directory_->path() / "absent";
  const auto exit = runner_->run(spec, CancelToken());
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, ErrorCode::not_found);
  EXPECT_EQ(exit.error().message.find("cannot enter " + spec.working_directory.string()), 0U);
}

TEST_F(RealProcess, LeavesNoDescriptorAndNoChildBehindWhateverHappens) {
  const std::size_t before = open_descriptors();
  auto missing = bash("");
  missing.argv = {"aphex-no-such-program"};
  auto nowhere = bash("true");
  nowhere.working_directory = directory_->path() / "absent";
  auto slow = bash("sleep 60");
  slow.timeout = milliseconds(20);
  for (int i = 0; i < 10; ++i) {
    run(bash("echo; echo >&2"));
    run(slow);
    EXPECT_FALSE(runner_->run(missing, CancelToken()));
    EXPECT_FALSE(runner_->run(nowhere, CancelToken()));
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// A program just written by another thread can be busy for a moment (ETXTBSY).
TEST_F(RealProcess, RunsFreshlyWrittenScriptsFromManyThreads) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 15; ++i) {
        ProcessSpec spec = bash("");
        spec.argv = {
            executable("s" + std::to_string(t) + "-" + std::to_string(i), "#!/bin/sh\nexit 5\n")};
        const auto exit = runner_->run(spec, CancelToken());
        if (exit && exit->code == 5) ++right;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(right, 60);
}

// ---- groups and daemons ----

TEST_F(RealProcess, ADaemonOutlivesUsInItsOwnSessionAndAppendsToItsLog) {
  const auto log = directory_->path() / "logs" / "daemon.log";
  const std::size_t before = open_descriptors();
  auto spec = bash("echo started; ls /proc/self/fd | tr '\\n' ' '; exec sleep 60");
  const auto first = start_daemon(spec, log);
  ASSERT_TRUE(first) << describe(first.error());
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::getsid(*first), ::getpgid(*first));
  EXPECT_NE(::getsid(*first), ::getsid(0));
  EXPECT_EQ(::waitpid(*first, nullptr, WNOHANG), -1);  // not our child
  for (int i = 0; i < 300 && read_file(log)->find("3 ") == std::string::npos; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(read_file(log).value(), "started\n0 1 2 3 ");
  ASSERT_TRUE(end_process_group(::getpgid(*first), milliseconds(1000)));
  EXPECT_FALSE(process_start_time(*first));
}

TEST_F(RealProcess, ADaemonThatCannotStartIsAnError) {
  ProcessSpec spec = bash("");
  spec.argv = {executable("orphan", "#!/no/such/interpreter\n")};
  const auto pid = start_daemon(spec, directory_->path() / "log");
  ASSERT_FALSE(pid);
  EXPECT_EQ(pid.error().code, ErrorCode::not_found);
}

TEST_F(RealProcess, AGroupLeftByAnEarlierRunIsEndedHardAfterGrace) {
  const auto spec = bash(
      "trap '' TERM; (trap '' TERM; echo $BASHPID > member; while :; do sleep 0.05; done) & "
      "while :; do sleep 0.05; done");
  const auto leader = start_daemon(spec, directory_->path() / "log");
  ASSERT_TRUE(leader);
  const int member = pid_in("member");
  const int group = ::getpgid(*leader);
  ASSERT_TRUE(end_process_group(group, milliseconds(150)));
  EXPECT_FALSE(group_runs(group));
  EXPECT_FALSE(process_start_time(member));
  EXPECT_TRUE(end_process_group(group, milliseconds(150)));  // again: nothing to do
}

TEST(EndProcessGroup, RefusesGroupsThatAreNotAStepS) {
  for (const int group : {-1, 0, 1, ::getpgrp()}) {
    const auto status = end_process_group(group, milliseconds(0));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::internal);
  }
}

TEST(ProcessStartTime, IsTheSameAtEveryLookAndMissingForAZombie) {
  const auto ours = process_start_time(::getpid());
  ASSERT_TRUE(ours);
  EXPECT_EQ(process_start_time(::getpid()).value(), *ours);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(process_start_time(child));
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(process_start_time(child));
}

TEST(FindProgram, NamesTheProgramThePathAndTheRemedy) {
  const auto found = find_program("cdk", {{"PATH", "/no/where:/else"}});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::not_found);
  EXPECT_EQ(found.error().message, "program not found: cdk (PATH is /no/where:/else)");
  EXPECT_EQ(found.error().hint, "install cdk, or add its directory to PATH");
  EXPECT_EQ(find_program("sh", {{"PATH", "/no/where:/bin"}}).value(), "/bin/sh");
  EXPECT_TRUE(find_program("sh", {}));
}

// ---- lines ----

std::vector<std::string> lines_of(const std::vector<std::string>& chunks) {
  std::vector<std::string> lines;
  LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
  for (const auto& chunk : chunks)
    splitter.feed(chunk);
  splitter.finish();
  splitter.finish();
  return lines;
}

TEST(LineSplitter, JoinsChunksIntoLinesWhereverTheyAreCut) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines_of({"a\nb", "c\n", "\n", "d"}), (Lines{"a", "bc", "", "d"}));
  EXPECT_EQ(lines_of({"one\ntwo\nthree\n"}), (Lines{"one", "two", "three"}));
  EXPECT_EQ(lines_of({}), Lines{});
}

TEST(LineSplitter, CutsLongLinesBetweenCharacters) {
  std::string text = "x";
  while (text.size() < 3 * LineSplitter::kMaxLineBytes)
    text += "→";
  for (const auto& chunks :
       {std::vector<std::string>{text + "\n"},
        std::vector<std::string>{text.substr(0, 100'001), text.substr(100'001)}}) {
    const auto lines = lines_of(chunks);
    std::string whole;
    for (const auto& line : lines) {
      EXPECT_LE(line.size(), LineSplitter::kMaxLineBytes);
      EXPECT_FALSE(find_invalid_utf8(line)) << "a character was torn";
      whole += line;
    }
    EXPECT_TRUE(whole == text);
    EXPECT_GE(lines.size(), 3U);
  }
}

}  // namespace
}  // namespace aphex::os
