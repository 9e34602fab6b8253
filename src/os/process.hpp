#pragma once
// Child processes: started in a process group of their own, standard input closed, output read as
// it comes, ended as a whole group on timeout or cancellation (SIGTERM, then SIGKILL after grace).

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/cancel.hpp"

namespace aphex::os {

using EnvironmentVariables = std::map<std::string, std::string>;

// Of this process, at the time of the call.
EnvironmentVariables current_environment();

enum class Stream { out, err };

struct ProcessSpec {
  // argv[0] is looked up in PATH of `environment` (execvp's default where it has none), unless it
  // has a '/': then it is a path, from the working directory where it is relative.
  std::vector<std::string> argv;
  std::filesystem::path working_directory;  // empty: ours
  EnvironmentVariables environment;         // the whole of it, nothing is inherited
  std::chrono::milliseconds timeout{0};     // 0: none
  std::chrono::milliseconds grace{10'000};  // between SIGTERM and SIGKILL
  // Called once, from the running thread, with the group's id right after the start.
  std::function<void(int process_group)> on_start;
  // Chunks as read, in order per stream; not cut at lines. May be empty: output is dropped.
  std::function<void(Stream, std::string_view)> on_output;
};

struct ProcessExit {
  enum class How { exited, signalled, timed_out, cancelled };
  How how = How::exited;
  int code = 0;  // the exit code; for the others the number of the signal that ended it
  std::chrono::milliseconds duration{0};
  // The exit code as a shell reports it: 128 + signal for a signal, 124 for a timeout, 130 for
  // a cancellation.
  int shell_code() const;
};

class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;
  // Blocks until the process and its whole group have ended. An Error means that it never started
  // (ErrorCode::cancelled where `cancel` came first, not_found for an unknown program).
  // What it leaves behind in its group may go on for 2 s, then it is ended as by a timeout.
  // The process gets SIGTERM when the calling thread ends, however that comes.
  virtual Result<ProcessExit> run(const ProcessSpec& spec, const CancelToken& cancel) = 0;
};

std::unique_ptr<ProcessRunner> make_process_runner();

struct Captured {
  ProcessExit exit;
  std::string out;
  std::string err;
};

// Runs and keeps the output, each stream cut at `max_bytes`; spec.on_output is called as well.
Result<Captured> capture(ProcessRunner& runner, ProcessSpec spec, const CancelToken& cancel,
                         std::size_t max_bytes = 16U << 20U);

// The full path of a program in PATH of `environment`, or not_found.
Result<std::filesystem::path> find_program(std::string_view name,
                                           const EnvironmentVariables& environment);

// For starting a process that outlives us (the sandbox's server): its own session, standard
// streams appended to `log_file`, empty input, no other descriptor of ours. It is not our child, so
// nobody has to reap it. Returns its pid. Timeout, grace and the callbacks of `spec` do not apply.
Result<int> start_daemon(const ProcessSpec& spec, const std::filesystem::path& log_file);

// Identifies a process beyond the reuse of its pid: start time in clock ticks since boot
// (field 22 of /proc/<pid>/stat); not_found when there is no such process, or only its zombie.
Result<std::uint64_t> process_start_time(int pid);

// Ends a process group that an earlier, killed run of ours left behind: SIGTERM, grace, SIGKILL.
// One that has ended is fine.
Status end_process_group(int process_group, std::chrono::milliseconds grace);

// Splits chunks into lines, handed out without their newline. Lines longer than kMaxLineBytes are
// cut into several, between UTF-8 characters.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLineBytes = 64U << 10U;
  explicit LineSplitter(std::function<void(std::string_view)> on_line);
  void feed(std::string_view chunk);
  void finish();  // hands out what is left without a newline

 private:
  std::function<void(std::string_view)> on_line_;
  std::string rest_;
};

}  // namespace aphex::os
