// vfork instead of fork: the engine holds databases and buffers, and a copy of its page tables
// per step would cost more than the step. The child shares our memory until exec, hence: nothing
// but system calls in it, everything prepared before, signals blocked around it.
// (The thread sanitizer turns vfork into fork, which is why failures come through a pipe.)
#include "os/launch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/descriptor.hpp"
#include "os/program_search.hpp"

namespace aphex::os {

namespace {

constexpr int kLaunchFailedExitCode = 127;
// A program that another thread has just written may still be open for writing in a sibling
// between its fork and exec (ETXTBSY); it is gone within milliseconds.
constexpr int kBusyAttempts = 20;
constexpr std::chrono::milliseconds kBusyPause{5};
// Where the kernel has no close_range (before 5.11), this many descriptors are marked one by one.
constexpr int kOldKernelDescriptorBound = 65'536;

enum class Phase : int { group, parent, streams, descriptors, directory, execute, fork };

// What the child writes into the report pipe; nothing where exec succeeded (it closes the pipe).
struct Failure {
  Phase phase = Phase::execute;
  int error_number = 0;
};

enum class Attachment { child, detached };

struct Prepared {
  std::string program;
  std::string directory;
  std::vector<std::string> environment;
  std::vector<char*> argv;  // points into the spec
  std::vector<char*> envp;  // points into environment
  StandardStreams streams;
  Attachment attachment = Attachment::child;
  int report = -1;
  pid_t parent = 0;
};

// ---- in the child: system calls only ----

[[noreturn]] void give_up(const Prepared& prepared, Phase phase) {
  const Failure failure{.phase = phase, .error_number = errno};
  [[maybe_unused]] const ssize_t written = ::write(prepared.report, &failure, sizeof failure);
  ::_exit(kLaunchFailedExitCode);
}

// exec resets handlers but keeps what is ignored; a handler must not run on our shared memory
// either, once signals are unblocked.
void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void close_on_exec_from(int first) {
  if (::close_range(static_cast<unsigned>(first), ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  for (int number = first; number < kOldKernelDescriptorBound; ++number) {
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
  }
}

void attach_to_parent(const Prepared& prepared) {
  if (::setpgid(0, 0) != 0) give_up(prepared, Phase::group);
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) give_up(prepared, Phase::parent);
  // It may have died before the line above.
  if (::getppid() != prepared.parent) ::_exit(kLaunchFailedExitCode);
}

[[noreturn]] void become_program(const Prepared& prepared) {
  if (prepared.attachment == Attachment::child) attach_to_parent(prepared);
  if (::dup2(prepared.streams.input, STDIN_FILENO) < 0 ||
      ::dup2(prepared.streams.output, STDOUT_FILENO) < 0 ||
      ::dup2(prepared.streams.error, STDERR_FILENO) < 0) {
    give_up(prepared, Phase::streams);
  }
  close_on_exec_from(STDERR_FILENO + 1);
  if (!prepared.directory.empty() && ::chdir(prepared.directory.c_str()) != 0) {
    give_up(prepared, Phase::directory);
  }
  reset_signals();
  ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.envp.data());
  give_up(prepared, Phase::execute);
}

// The intermediate process of a daemon: ends at once, so that init adopts the daemon.
[[noreturn]] void fork_daemon(const Prepared& prepared, int pid_pipe) {
  if (::setsid() < 0) give_up(prepared, Phase::group);
  const pid_t pid = ::fork();
  if (pid < 0) give_up(prepared, Phase::fork);
  if (pid == 0) become_program(prepared);
  [[maybe_unused]] const ssize_t written = ::write(pid_pipe, &pid, sizeof pid);
  ::_exit(0);
}

// ---- in the parent ----

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &old_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &old_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t old_{};
};

// A frame of its own: nothing in it changes after vfork, so nothing can be clobbered.
[[gnu::noinline]] pid_t vfork_program(const Prepared& prepared) {
  const AllSignalsBlocked blocked;
  // The child keeps to async-signal-safe calls, which is what the check is about.
  const pid_t pid = ::vfork();             // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (pid == 0) become_program(prepared);  // NOLINT(clang-analyzer-unix.Vfork)
  return pid;
}

Result<Prepared> prepare(const ProcessSpec& spec, const StandardStreams& streams) {
  if (spec.argv.empty()) return fail(ErrorCode::internal, "a process needs a program to run");
  Prepared prepared;
  APHEX_TRY(prepared.program,
            find_program_from(spec.working_directory, spec.argv.front(), spec.environment));
  prepared.directory = spec.working_directory.string();
  prepared.streams = streams;
  prepared.parent = ::getpid();
  prepared.argv.reserve(spec.argv.size() + 1);
  // execve takes char* for history's sake and does not write through it.
  for (const auto& word : spec.argv)
    prepared.argv.push_back(const_cast<char*>(word.c_str()));
  prepared.argv.push_back(nullptr);
  prepared.environment.reserve(spec.environment.size());
  for (const auto& [name, value] : spec.environment) {
    prepared.environment.push_back(name);
    prepared.environment.back().append("=").append(value);
  }
  prepared.envp.reserve(prepared.environment.size() + 1);
  for (auto& entry : prepared.environment)
    prepared.envp.push_back(entry.data());
  prepared.envp.push_back(nullptr);
  return prepared;
}

template <typename T>
bool read_whole(int descriptor, T& value) {
  ssize_t count = 0;
  do {
    count = ::read(descriptor, &value, sizeof value);
  } while (count < 0 && errno == EINTR);
  return count == static_cast<ssize_t>(sizeof value);
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

tl::unexpected<Error> execute_failed(const Prepared& prepared, int error_number) {
  const std::string what = "cannot execute " + prepared.program;
  auto error = fail_errno(what, error_number).value();
  if (error_number == ENOENT) {
    error.hint = "the interpreter that its first line (#!) names does not exist";
  } else if (error_number == ENOEXEC) {
    error.hint = "it is neither a program for this machine nor a script that begins with #!";
  } else if (error_number == E2BIG) {
    error.hint = "its arguments and environment exceed what the system allows; pass a file instead";
  } else if (error_number == EACCES) {
    error.hint = "make it executable: chmod +x " + prepared.program;
  }
  return fail(std::move(error));
}

tl::unexpected<Error> launch_failed(const Prepared& prepared, const Failure& failure) {
  const int number = failure.error_number;
  switch (failure.phase) {
    case Phase::directory:
      return fail_errno("cannot enter " + prepared.directory + " to start " + prepared.program,
                        number);
    case Phase::execute:
      return execute_failed(prepared, number);
    case Phase::fork:
      return fail_errno("cannot make a process for " + prepared.program, number);
    case Phase::group:
    case Phase::parent:
    case Phase::streams:
    case Phase::descriptors:
      break;
  }
  return fail_errno("cannot set up the process for " + prepared.program, number);
}

struct Attempt {
  int pid = -1;
  Failure failure;  // where pid is -1
};

Result<Attempt> try_launch(Prepared& prepared) {
  APHEX_TRY(Pipe report, make_pipe());
  prepared.report = report.write_end.get();
  const pid_t pid = vfork_program(prepared);
  const int error_number = errno;
  if (pid < 0) return Attempt{-1, Failure{Phase::fork, error_number}};
  report.write_end.close();
  Failure failure;
  if (!read_whole(report.read_end.get(), failure)) return Attempt{pid, {}};
  reap(pid);
  return Attempt{-1, failure};
}

Result<Attempt> try_launch_detached(Prepared& prepared) {
  APHEX_TRY(Pipe report, make_pipe());
  APHEX_TRY(Pipe pid_pipe, make_pipe());
  prepared.report = report.write_end.get();
  prepared.attachment = Attachment::detached;
  const pid_t intermediate = ::fork();
  const int error_number = errno;
  if (intermediate == 0) fork_daemon(prepared, pid_pipe.write_end.get());
  if (intermediate < 0) return Attempt{-1, Failure{Phase::fork, error_number}};
  report.write_end.close();
  pid_pipe.write_end.close();
  Failure failure;
  const bool failed = read_whole(report.read_end.get(), failure);
  pid_t pid = -1;
  const bool forked = read_whole(pid_pipe.read_end.get(), pid);
  reap(intermediate);
  if (failed) return Attempt{-1, failure};
  if (!forked) return fail(ErrorCode::internal, "the daemon's process id did not arrive");
  return Attempt{pid, {}};
}

template <typename Try>
Result<int> launch_by(Try try_once, const ProcessSpec& spec, const StandardStreams& streams) {
  APHEX_TRY(Prepared prepared, prepare(spec, streams));
  for (int attempt = 1;; ++attempt) {
    APHEX_TRY(const Attempt result, try_once(prepared));
    if (result.pid >= 0) return result.pid;
    const bool busy = result.failure.error_number == ETXTBSY;
    if (!busy || attempt == kBusyAttempts) return launch_failed(prepared, result.failure);
    std::this_thread::sleep_for(kBusyPause);
  }
}

}  // namespace

Result<int> launch(const ProcessSpec& spec, const StandardStreams& streams) {
  return launch_by(try_launch, spec, streams);
}

Result<int> launch_detached(const ProcessSpec& spec, const StandardStreams& streams) {
  return launch_by(try_launch_detached, spec, streams);
}

}  // namespace aphex::os
