// Runs a process and watches it to the end of its whole group.
#include "os/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hpp"
#include "os/descriptor.hpp"
#include "os/launch.hpp"
#include "os/process_group.hpp"

namespace aphex::os {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

// What a process leaves running in its group may finish by itself for this long (a logger that
// flushes, say); then it is ended, for a step's group must not outlive the step.
constexpr milliseconds kLinger{2'000};
// Once the group has ended, only a process that left it can hold the pipes open.
constexpr milliseconds kDrain{200};
// SIGKILL takes effect within milliseconds, except for a process stuck in the kernel.
constexpr milliseconds kKillTakesEffect{2'000};
// How often to look where nothing wakes us: at a leader without a pidfd, at a token without a
// descriptor, at the members of a group.
constexpr milliseconds kLeaderInterval{5};
constexpr milliseconds kCancelInterval{100};
constexpr milliseconds kFirstGroupInterval{1};
constexpr milliseconds kLongestGroupInterval{50};
// As much as a pipe holds by default.
constexpr std::size_t kReadBytes = 64U << 10U;

// Exit codes that shells and timeout(1) use.
constexpr int kSignalBase = 128;
constexpr int kTimedOutCode = 124;
constexpr int kCancelledCode = 130;

// By system call: <sys/pidfd.h> of glibc 2.36 declares it without C linkage.
Descriptor open_pidfd(int pid) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

class Supervision {
 public:
  struct Streams {
    Descriptor out;
    Descriptor err;
  };

  Supervision(const ProcessSpec& spec, const CancelToken& cancel, int pid, Streams streams)
      : spec_(spec),
        cancel_(cancel),
        pid_(pid),
        leader_(open_pidfd(pid)),
        streams_(std::move(streams)),
        start_(std::chrono::steady_clock::now()) {
    if (spec_.timeout > milliseconds::zero()) deadline_ = start_ + spec_.timeout;
  }

  ProcessExit run() {
    while (!finished()) {
      wait_for_event();
      if (!leader_status_) reap_leader();
      if (!cancel_seen_ && cancel_.cancelled()) on_cancelled();
      check_group();
      if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) on_deadline();
    }
    return result();
  }

 private:
  enum class Phase {
    running,      // the leader runs; the deadline is the timeout
    lingering,    // the leader has ended, its group may finish
    terminating,  // SIGTERM was sent; the deadline is the end of grace
    killing,      // SIGKILL was sent
    draining,     // the group has ended, a pipe is still open
    abandoned,    // nothing more is waited for but the leader
  };

  bool pipes_open() const { return streams_.out || streams_.err; }

  bool finished() {
    if (!leader_status_) return false;
    return phase_ == Phase::abandoned || (!pipes_open() && !group_runs(pid_));
  }

  void enter(Phase phase, std::optional<milliseconds> limit) {
    phase_ = phase;
    deadline_.reset();
    if (limit) deadline_ = std::chrono::steady_clock::now() + *limit;
  }

  void wait_for_event() {
    std::array<pollfd, 4> events{{{streams_.out.get(), POLLIN, 0},
                                  {streams_.err.get(), POLLIN, 0},
                                  {leader_status_ ? -1 : leader_.get(), POLLIN, 0},
                                  {cancel_seen_ ? -1 : cancel_.descriptor(), POLLIN, 0}}};
    if (::poll(events.data(), events.size(), poll_timeout()) <= 0) return;
    if (events[0].revents != 0) read_some(streams_.out, Stream::out);
    if (events[1].revents != 0) read_some(streams_.err, Stream::err);
  }

  int poll_timeout() {
    milliseconds wait = milliseconds::max();
    if (deadline_) {
      wait = std::chrono::ceil<milliseconds>(*deadline_ - std::chrono::steady_clock::now());
    }
    if (!leader_ && !leader_status_) wait = std::min(wait, kLeaderInterval);
    if (!cancel_seen_ && cancel_.descriptor() < 0) wait = std::min(wait, kCancelInterval);
    if (leader_status_) {
      wait = std::min(wait, group_interval_);
      group_interval_ = std::min(group_interval_ * 2, kLongestGroupInterval);
    }
    if (wait == milliseconds::max()) return -1;
    return static_cast<int>(std::clamp<milliseconds::rep>(wait.count(), 0, INT_MAX));
  }

  void read_some(Descriptor& pipe, Stream stream) {
    const ssize_t count = ::read(pipe.get(), buffer_.get(), kReadBytes);
    if (count > 0) {
      if (spec_.on_output) {
        spec_.on_output(stream, {buffer_.get(), static_cast<std::size_t>(count)});
      }
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      pipe.close();
    }
  }

  void reap_leader() {
    int status = 0;
    const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
    if (reaped == 0 || (reaped < 0 && errno == EINTR)) return;
    leader_status_ = reaped == pid_ ? status : 0;
    if (phase_ == Phase::running) enter(Phase::lingering, kLinger);
  }

  void signal_group(int number) {
    last_signal_ = number;
    ::kill(-pid_, number);
    // A stopped process acts on SIGTERM only when it goes on.
    if (number == SIGTERM) ::kill(-pid_, SIGCONT);
  }

  void terminate() {
    signal_group(SIGTERM);
    enter(Phase::terminating, spec_.grace);
  }

  void on_cancelled() {
    cancel_seen_ = true;
    if (phase_ == Phase::running) ended_by_ = ProcessExit::How::cancelled;
    if (phase_ == Phase::running || phase_ == Phase::lingering) terminate();
  }

  void check_group() {
    const bool ending = phase_ == Phase::terminating || phase_ == Phase::killing;
    if (ending && leader_status_ && pipes_open() && !group_runs(pid_)) {
      enter(Phase::draining, kDrain);
    }
  }

  void on_deadline() {
    switch (phase_) {
      case Phase::running:
        ended_by_ = ProcessExit::How::timed_out;
        terminate();
        break;
      case Phase::lingering:
        if (group_runs(pid_)) {
          terminate();
        } else {
          abandon();
        }
        break;
      case Phase::terminating:
        signal_group(SIGKILL);
        enter(Phase::killing, kKillTakesEffect);
        break;
      case Phase::killing:
      case Phase::draining:
        abandon();
        break;
      case Phase::abandoned:
        break;
    }
  }

  void abandon() {
    streams_.out.close();
    streams_.err.close();
    enter(Phase::abandoned, std::nullopt);
  }

  ProcessExit result() const {
    ProcessExit exit;
    exit.duration =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start_);
    const int status = leader_status_.value_or(0);
    if (WIFSIGNALED(status)) {
      exit.how = ProcessExit::How::signalled;
      exit.code = WTERMSIG(status);
    } else {
      exit.code = WEXITSTATUS(status);
    }
    if (!ended_by_) return exit;
    // A process that catches SIGTERM ends with a code of its own; the signal was the cause.
    if (exit.how == ProcessExit::How::exited) exit.code = last_signal_;
    exit.how = *ended_by_;
    return exit;
  }

  const ProcessSpec& spec_;
  const CancelToken& cancel_;
  const int pid_;      // also the process group
  Descriptor leader_;  // a pidfd; empty where the kernel gives none
  Streams streams_;
  const SteadyTime start_;
  Phase phase_ = Phase::running;
  std::optional<SteadyTime> deadline_;
  std::optional<int> leader_status_;  // as of waitpid, once reaped
  std::optional<ProcessExit::How> ended_by_;
  bool cancel_seen_ = false;
  int last_signal_ = 0;
  milliseconds group_interval_ = kFirstGroupInterval;
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
};

class PosixProcessRunner final : public ProcessRunner {
 public:
  Result<ProcessExit> run(const ProcessSpec& spec, const CancelToken& cancel) override {
    const std::string name = spec.argv.empty() ? "a process" : spec.argv.front();
    if (cancel.cancelled()) {
      return fail(ErrorCode::cancelled, name + " was not started: " + cancel.reason());
    }
    APHEX_TRY(const Descriptor input, open_null_input());
    APHEX_TRY(Pipe out, make_pipe());
    APHEX_TRY(Pipe err, make_pipe());
    // Ours only: the child's ends must block, programs do not expect EAGAIN on their output.
    for (const Pipe* pipe : {&out, &err}) {
      if (::fcntl(pipe->read_end.get(), F_SETFL, O_NONBLOCK) != 0) {
        return fail_errno("cannot prepare the output of " + name, errno);
      }
    }
    APHEX_TRY(const int pid, launch(spec, {.input = input.get(),
                                           .output = out.write_end.get(),
                                           .error = err.write_end.get()}));
    out.write_end.close();
    err.write_end.close();
    Supervision supervision(spec, cancel, pid, {std::move(out.read_end), std::move(err.read_end)});
    if (spec.on_start) spec.on_start(pid);
    return supervision.run();
  }
};

void append_bounded(std::string& text, std::string_view chunk, std::size_t max_bytes) {
  text.append(chunk.substr(0, max_bytes - std::min(max_bytes, text.size())));
}

}  // namespace

int ProcessExit::shell_code() const {
  switch (how) {
    case How::exited:
      return code;
    case How::signalled:
      return kSignalBase + code;
    case How::timed_out:
      return kTimedOutCode;
    case How::cancelled:
      return kCancelledCode;
  }
  return code;
}

std::unique_ptr<ProcessRunner> make_process_runner() {
  return std::make_unique<PosixProcessRunner>();
}

Result<Captured> capture(ProcessRunner& runner, ProcessSpec spec, const CancelToken& cancel,
                         std::size_t max_bytes) {
  Captured captured;
  spec.on_output = [&captured, max_bytes, also = std::move(spec.on_output)](
                       Stream stream, std::string_view chunk) {
    append_bounded(stream == Stream::out ? captured.out : captured.err, chunk, max_bytes);
    if (also) also(stream, chunk);
  };
  APHEX_TRY(captured.exit, runner.run(spec, cancel));
  return captured;
}

}  // namespace aphex::os
